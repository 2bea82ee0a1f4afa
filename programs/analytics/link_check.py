"""Link QA: what is wrong with a tracking link as text, with where it ends, and with its referral code.

Parsing by RFC 3986 and the URL-encoding of forms; nothing is fetched here: hops and codes are what somebody
has observed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from rapidfuzz import process

from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.fraud.traffic import CLICK_IDS

REQUIRED = ("utm_source", "utm_medium", "utm_campaign")
MOST_HOPS = 3

ERROR, WARNING, UNPROVEN = "error", "warning", "unproven"
"""What stops a kit; what a person should know; what could not be seen, so that the link is not proven."""

_E_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
# International notation, or a national one in which the groups give it away: a bare number may be an order.
_PHONE = re.compile(
    r"(?<!\w)(?:\+|00)[1-9](?:[ ().-]?\d){7,14}(?!\w)|(?<!\w)\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?!\w)"
)
_PERSONAL_NAMES = re.compile(
    r"(?:^|_)(?:e_?mail|phone|tel|mobile|first_?name|last_?name|full_?name|birth(?:day|date)|dob|ssn|iban|address)(?:$|_)"
)
_PLACEHOLDER = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\$\{.*?\}|\*\|.*?\|\*|%%.+?%%|\[\[.*?\]\]|\{\w*\}")
_DOUBLY_ENCODED = re.compile(r"%25[0-9a-fA-F]{2}")


@dataclass(frozen=True, slots=True)
class LinkFault:
    """One thing wrong: the rule's name, how bad, the parameter ("" for the whole link), and a sentence."""

    rule: str
    severity: str
    parameter: str
    message: str


@dataclass(frozen=True, slots=True)
class LinkReport:
    """A link with everything found; it passes without errors, warnings are for a person to judge.

    It is proven where it passes, and nothing of it stayed unseen.
    """

    url: str
    findings: tuple[LinkFault, ...]

    @property
    def passed(self) -> bool:
        return not any(finding.severity == ERROR for finding in self.findings)

    @property
    def is_proven(self) -> bool:
        return self.passed and not any(finding.severity == UNPROVEN for finding in self.findings)


def check_link(
    url: str, vocabulary: Mapping[str, Collection[str]], *, required: Sequence[str] = REQUIRED
) -> LinkReport:
    """Every rule on one link.

    ``vocabulary`` maps parameters to their allowed values; one that is not in it takes any. The rules:
    absolute address, encrypted, no credentials, readable; required parameters there and filled; lower case;
    in the vocabulary; given once; no advertising click id of somebody's browser; no unfilled placeholder,
    nothing encoded twice; no personal data in path or query; tags before the fragment.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as error:
        return LinkReport(url, (_error("address", "", f"The link cannot be read: {error}."),))
    if parts.scheme not in ("http", "https") or not host:
        return LinkReport(url, (_error("address", "", "The link is no absolute web address."),))
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    found = [
        *_check_address(url, parts.scheme, host, parts.netloc, parts.fragment),
        *_check_required(pairs, required),
        *_check_names_and_case(pairs, {*vocabulary, *required}),
        *_check_vocabulary(pairs, vocabulary),
        *_check_repetitions(pairs),
        *_check_personal_data(unquote(parts.path), parts.query),
    ]
    return LinkReport(url, tuple(dict.fromkeys(found)))


def check_redirect(
    hops: Sequence[str], *, code_parameter: str = "", is_browser: bool = False, kept: Collection[str] = ()
) -> tuple[LinkFault, ...]:
    """Whether the query arrives: ``hops`` are the requested address, every redirect, and the final address.

    Each parameter that is not itself at the end is reported with the first hop from which on it is lost,
    changed or doubled. Where another host sends the visitor on, a shortener or a counter of clicks, only tags
    and the code of a referral are looked for, also those in the address that it was given to lead to.
    ``kept``: parameters that the page was seen to hold, in a form that a cookie fills say; an address needs
    them no more. Raises ValueError without any hop.
    """
    if not hops:
        raise ValueError("A redirect check needs at least the requested address.")
    found = []
    for name, values in _wanted(hops, code_parameter).items():
        stray = len(hops)
        for at in range(len(hops) - 1, 0, -1):
            if _values(hops[at]).get(name, []) == values:
                break
            stray = at
        if stray == len(hops) or name in kept:
            continue
        arrived = _values(hops[stray]).get(name, [])
        wrong = "lost" if not arrived else "doubled" if set(arrived) == set(values) else "changed"
        where = _bare(hops[stray])
        found.append(_error(f"redirect-{wrong}", name, f"{name} is {wrong} on the way to {where}."))
    for before, after in zip(hops, hops[1:], strict=False):
        if urlsplit(before).scheme == "https" and urlsplit(after).scheme == "http":
            found.append(_error("redirect-unencrypted", "", f"The way to {_bare(after)} is not encrypted."))
    if len(set(hops)) < len(hops) and not is_browser:
        found.append(_error("redirect-circle", "", "The redirects go in a circle."))
    if len(hops) - 1 > MOST_HOPS:
        found.append(_warning("redirect-long", "", f"{len(hops) - 1} redirects; {MOST_HOPS} are plenty."))
    return tuple(found)


def _wanted(hops: Sequence[str], code_parameter: str) -> dict[str, list[str]]:
    """The parameters that have to be there at the end, with their values."""
    if urlsplit(hops[0]).netloc.lower() == urlsplit(hops[-1]).netloc.lower():
        return _values(hops[0])
    return expected_values(hops[0], code_parameter)


def expected_values(url: str, code_parameter: str) -> dict[str, list[str]]:
    """Tags and the code of a referral that a link carries, or the link that it is given to lead to."""
    inner = (value for values in _values(url).values() for value in values)
    nested = [address for address in inner if address.startswith(("https://", "http://"))]
    return {
        name: values
        for address in (*nested, url)
        for name, values in _values(address).items()
        if name.startswith("utm_") or name == code_parameter
    }


def check_round_trip(code: str, observed: Mapping[str, str | None]) -> tuple[LinkFault, ...]:
    """Whether a referral ``code`` comes through every place where it was looked for, in order.

    ``observed`` maps places (link, landing page, form, stored referral, …) to the code seen there, None for
    none. Only the first place where the code is not itself is reported: what follows it follows from it.
    Capitals alone are for a person to judge: many sites take both for one.
    """
    told: tuple[LinkFault, ...] = ()
    for place, seen in observed.items():
        if seen is None:
            return (_error("referral-code", place, f"The referral code {code} does not reach the {place}."),)
        if seen.casefold() != code.casefold():
            return (
                _error("referral-code", place, f"The referral code {code} reaches the {place} as {seen}."),
            )
        if seen != code and not told:
            said = f"The referral code {code} reaches the {place} as {seen}"
            told = (_warning("referral-code", place, f"{said}: confirm that capitals make no difference."),)
    return told


def code_in(url: str, parameter: str) -> str | None:
    """The referral code a link carries, None for none; the first where it is given more than once."""
    return next(iter(_values(url).get(parameter, [])), None)


def tracking_accuracy(reports: Iterable[LinkReport], followed: Collection[str]) -> MaybeEstimate:
    """Share of the links that are proven: ``followed`` to their end, with nothing wrong.

    All links are checked, so there is no interval. Where none was followed, nothing is known.
    """
    every = list(reports)
    if not every:
        return Unavailable("No link was checked.")
    if not any(report.url in followed for report in every):
        return Unavailable("No link was followed to its end, so nothing is proven of any.")
    proven = sum(report.is_proven and report.url in followed for report in every)
    return Estimate(
        proven / len(every), numerator=proven, denominator=len(every), unit="share", method="count"
    )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself, where nobody listens on the way (W3C Secure Contexts, 3.1)."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


# ------------------------------------------------------------------ rules


def _check_address(url: str, scheme: str, host: str, authority: str, fragment: str) -> Iterator[LinkFault]:
    if scheme == "http" and not is_loopback(host):
        yield _error("encryption", "", "The link is not encrypted: use https.")
    if "@" in authority:
        yield _error("credentials", "", "The link carries a user name.")
    if re.search(r"\s", url):
        yield _error("white-space", "", "There is white space in the link.")
    if _DOUBLY_ENCODED.search(url):
        yield _error("encoded-twice", "", "Something in the link is percent-encoded twice.")
    if placeholder := _PLACEHOLDER.search(unquote(url)):
        yield _error("placeholder", "", f"The placeholder {placeholder[0]} is not filled.")
    if "utm_" in fragment.lower():
        yield _error("fragment", "", "The tags stand after the #, where no server sees them.")


def _check_required(pairs: Sequence[tuple[str, str]], required: Sequence[str]) -> Iterator[LinkFault]:
    filled = {name.lower() for name, value in pairs if value.strip()}
    for name in required:
        if name not in filled:
            yield _error("missing", name, f"{name} is missing or empty.")


def _check_names_and_case(pairs: Sequence[tuple[str, str]], ours: Collection[str]) -> Iterator[LinkFault]:
    for name, value in pairs:
        lower = name.lower()
        if lower in CLICK_IDS:
            yield _error(
                "click-id", name, f"{name} is somebody's click on an advertisement: copy a clean link."
            )
        if lower not in ours and not lower.startswith("utm_"):
            continue
        if name != lower:
            yield _error("lower-case", name, f"{name} must be written {lower}.")
        if value != value.lower():
            yield _error("lower-case", name, f"{name}={value} must be lower case.")
        if value != value.strip():
            yield _error("white-space", name, f"{name} has white space around its value.")


def _check_vocabulary(
    pairs: Sequence[tuple[str, str]], vocabulary: Mapping[str, Collection[str]]
) -> Iterator[LinkFault]:
    for name, value in pairs:
        allowed = vocabulary.get(name.lower())
        # Case is a rule of its own: one mistake, one finding.
        if allowed is None or not value.strip() or value.strip().lower() in allowed:
            continue
        nearest = process.extractOne(value.lower(), sorted(allowed), score_cutoff=75)
        hint = f" Did you mean {nearest[0]}?" if nearest else ""
        yield _error("vocabulary", name, f"{name}={value} is not in the vocabulary.{hint}")


def _check_repetitions(pairs: Sequence[tuple[str, str]]) -> Iterator[LinkFault]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name.lower(), []).append(value)
    for name, given in values.items():
        if len(set(given)) > 1:
            yield _error("conflict", name, f"{name} is given with {len(set(given))} different values.")
        elif len(given) > 1:
            yield _warning("duplicate", name, f"{name} is given {len(given)} times.")


def _check_personal_data(path: str, query: str) -> Iterator[LinkFault]:
    if _E_MAIL.search(path) or _PHONE.search(path):
        yield _error("personal-data", "", "The path carries an e-mail address or a phone number.")
    # Read twice: a plus sign is a space in a form's encoding, and part of a phone number.
    for name, value in parse_qsl(query) + parse_qsl(query.replace("+", "%2B")):
        if _PERSONAL_NAMES.search(name.lower()):
            yield _error("personal-data", name, f"The parameter {name} is a place for personal data.")
        elif _E_MAIL.search(value):
            yield _error("personal-data", name, f"The parameter {name} carries an e-mail address.")
        elif _PHONE.search(value):
            yield _error("personal-data", name, f"The parameter {name} carries a phone number.")


def _values(url: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return found


def _bare(url: str) -> str:
    """Host and path: a sentence about a link must not repeat what personal data it may carry."""
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}"


def _error(rule: str, parameter: str, message: str) -> LinkFault:
    return LinkFault(rule, ERROR, parameter, message)


def _warning(rule: str, parameter: str, message: str) -> LinkFault:
    return LinkFault(rule, WARNING, parameter, message)
