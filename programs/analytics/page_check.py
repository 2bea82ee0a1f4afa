"""What a page says against the link to it: gone in all but name, slow, tags lost by script, miscounted.

Pure: pages are what a visitor's browser has observed. As in link checks an error fails the link, a warning
is for a person to judge.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from programs.analytics import gone
from programs.analytics.link_check import (
    ERROR,
    UNPROVEN,
    WARNING,
    LinkFault,
    check_redirect,
    expected_values,
)
from programs.analytics.page_counts import View, is_heard, is_known, is_only_events, page_views
from programs.analytics.page_names import OTHER, SAME, kinship, page_of
from programs.analytics.page_unseen import (
    WALLS,
    WHERE_TO_ALLOW,
    asks_to_sign_in,
    kept_out,
    turned_away,
    what_is_unseen,
)

SLOWEST_SECONDS = 5.0
BAD_REQUEST, TOO_MANY = 400, 429
FIREWALL = frozenset({401, 403, 405, 406, 409, 418, 429, 503})
"""Answers that sites give to programs and not to browsers."""
LIKE_NOTHING = 0.95
"""From this likeness on a page is what its site shows where nothing is."""

OWN_TEXT = 40
"""So many words make a text about a number, and no more a notice that says 404."""
_CONSENT_OF_GOOGLE = re.compile(r"[?&]gcs=(G1\d\d)")
"""What a tag of Google says of consent, “G111” where all was given."""
_HOME = re.compile(r"(?:[a-z]{2}(?:[-_][a-z]{2})?)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PageSeen:
    """A page in a visitor's browser: ``hops`` the documents asked for in order, ``url`` where it stands at
    last, ``hits`` address and body of what it sent elsewhere.

    ``seconds`` until it could be read, ``loaded`` until all of it was there; ``consent`` “asked” or
    “pressed”; ``like_missing``, 0 to 1, how like it is to what its site shows, with 200, where nothing is.
    ``field`` is what the field of the code holds, None without one; ``text`` the first of what it says;
    ``before_consent`` hits came before consent was given; ``kept_out`` hosts whose scripts and frames were
    not let in; ``alternates`` its other languages.
    """

    url: str
    status: int
    hops: Sequence[str]
    title: str = ""
    heading: str = ""
    canonical: str = ""
    seconds: float = 0.0
    hits: Sequence[Sequence[str]] = ()
    loaded: float = 0.0
    consent: str = ""
    like_missing: float = 0.0
    field: str | None = None
    text: str = ""
    kept_out: Sequence[str] = ()
    before_consent: int = 0
    alternates: Sequence[str] = ()
    blank: bool = False
    covered: bool = False
    forms: bool = True
    password: bool = False


def check_page(
    link: str,
    seen: PageSeen,
    *,
    code_parameter: str,
    collectors: Collection[str] = (),
    slowest: float = SLOWEST_SECONDS,
    ours: Collection[str] = (),
    is_landing: bool = False,
) -> tuple[LinkFault, ...]:
    """Every rule on the page that ``link`` leads to; ``is_landing``: it should have a form for sign-ups.

    ``ours``: the addresses that a launch links to; a page may call itself another one of them, as a variant
    of a test does, and a link to one of them may be the only page that its site has. ``collectors``: where
    the program's own measuring tags send, each “host” or “host/path”. With them a page that sends nothing
    there is an error; without, nobody has said that anything is measured.
    """
    if seen.status == TOO_MANY:
        text = "The site limits how often it is asked, and this page was not seen: open it by hand."
        return (LinkFault("too-many", UNPROVEN, "", text),)
    if seen.status in WALLS:
        return (turned_away(seen),)
    if seen.status >= BAD_REQUEST:
        return (_error("status", "", f"In the browser the page answers {seen.status}."),)
    if asks_to_sign_in(link, seen):
        text = "The site asks who comes to sign in, and the page behind it was not seen: open it by hand."
        return (LinkFault("signs-in", UNPROVEN, "", text),)
    views = list(page_views(seen.hits, collectors))
    code = expected_values(link, code_parameter).get(code_parameter, [""])[0]
    held = bool(code and seen.field and seen.field.casefold() == code.casefold())
    kept = {code_parameter} if held else ()
    return (
        *_gone(link, seen, ours),
        *what_is_unseen(link, seen, is_landing=is_landing, held=held or seen.field is not None),
        *_canonical(seen, ours),
        *check_redirect([link, *seen.hops[1:]], code_parameter=code_parameter, is_browser=True, kept=kept),
        *_rewritten(link, seen, views, code_parameter),
        *_slow(seen, slowest),
        *_counted(link, seen, views, collectors),
        *_untagged(link, views),
    )


def _gone(link: str, seen: PageSeen, ours: Collection[str]) -> Iterator[LinkFault]:
    said = next(filter(None, map(gone.said_in, (seen.title, seen.heading))), None)
    has_field = seen.field is not None  # a page with the field of the code is the right one
    is_about = said is not None and said.is_number and len(seen.text.split()) >= OWN_TEXT
    if said and said.is_all and not has_field and not is_about:
        yield _error("soft-404", "", f"The page answers {seen.status} and says “{said.words}”.")
        return
    if said:
        text = f"The page says “{said.words}”, as pages that are gone do: confirm that it is the right one."
        yield _warning("soft-404", "", text)
    asked, came = urlsplit(link).path.strip("/"), urlsplit(seen.url)
    is_detour = urlsplit(link).netloc.lower() != came.netloc.lower()
    leads_home = (
        asked and not is_detour and not has_field and _is_home(came.path) and not _is_home(f"/{asked}")
    )
    is_known_page = page_of(seen.url) in map(page_of, ours)
    if leads_home and not came.path.strip("/"):
        text = "The link asks for a page and leads to the home page of the site"
        if is_known_page:  # a short way to it, or a page that is no more: nothing of the page tells which
            yield LinkFault("soft-404", UNPROVEN, "", f"{text}, a page of this launch: confirm.")
        else:
            yield _error("soft-404", "", f"{text}.")
    elif leads_home and not is_known_page:
        text = (
            f"The link asks for a page and leads to {came.path}, as to the home page of a language: confirm."
        )
        yield LinkFault("soft-404", UNPROVEN, "", text)
    elif asked and seen.like_missing >= LIKE_NOTHING:
        text = "The site shows the same where nothing is"
        if is_known_page:
            severity = WARNING if has_field else UNPROVEN
            yield LinkFault("soft-404", severity, "", f"{text}: confirm that this is the page.")
        else:
            yield _error("soft-404", "", f"{text}, with the answer {seen.status}.")


def _is_home(path: str) -> bool:
    """Whether a path is that of a site's home page, or of one of its languages."""
    return _HOME.fullmatch(path.strip("/")) is not None


def _canonical(seen: PageSeen, ours: Collection[str]) -> Iterator[LinkFault]:
    """Search engines and some counters take the canonical address for the page's own."""
    kin = kinship(seen.canonical, seen.url, seen.alternates) if seen.canonical else SAME
    if kin == SAME:
        return
    there = urlsplit(seen.canonical)
    said = f"The page calls itself {there.netloc}{there.path}"
    if page_of(seen.canonical) in map(page_of, ours):
        yield _warning("canonical", "", f"{said}, another page of this launch: some counters count it there.")
    elif kin == OTHER:
        yield _error("canonical", "", f"{said}, another page.")
    else:
        text = f"{said}, its parent, child or other language: some counters count it there."
        yield _warning("canonical", "", text)


def _rewritten(link: str, seen: PageSeen, views: Sequence[View], code_parameter: str) -> Iterator[LinkFault]:
    """What a script does to the address once the page is there."""
    last = seen.hops[-1] if seen.hops else link
    then, now = expected_values(last, code_parameter), expected_values(seen.url, code_parameter)
    for name, value in then.items():
        if name in now and now[name] != value:
            yield _error("script-changed", name, f"A script of the page overwrites {name}.")
        elif name not in now and not any(value[0] in _plain(view.told) for view in views):
            text = f"A script takes {name} off the address, and no count was seen to carry it."
            yield _warning("script-removed", name, text)


def _slow(seen: PageSeen, slowest: float) -> Iterator[LinkFault]:
    if seen.seconds > slowest:
        text = f"The page takes {seen.seconds:.1f} seconds until it can be read; {slowest:g} are the most."
        yield _error("slow", "", text)
    elif seen.loaded > slowest:
        read = f"The page can be read after {seen.seconds:.1f} seconds"
        text = f"{read}; after {slowest:g} not all of it is there."
        yield _warning("slow", "", text)


def _counted(
    link: str, seen: PageSeen, views: Sequence[View], collectors: Collection[str]
) -> Iterator[LinkFault]:
    yield from _twice(link, views, seen.before_consent)
    if not collectors or views:
        return
    if is_heard(seen.hits, collectors):
        if is_only_events(seen.hits, collectors):
            text = (
                f"What went to {', '.join(collectors)} are events, and no view of the page: confirm by hand."
            )
            yield LinkFault("not-counted", UNPROVEN, "", text)
        return
    text = f"The view is not counted: nothing went to {', '.join(collectors)}."
    if seen.consent == "asked":
        said = "The page asks for consent to cookies, and no button to give it was found: confirm by hand."
    elif seen.kept_out:
        said = (
            f"{kept_out(seen.kept_out, seen.url)}, which may count it. {WHERE_TO_ALLOW}, or confirm by hand."
        )
    elif seen.covered or seen.blank:
        said = "Nobody could see the page: confirm by hand."
    else:
        yield _error("not-counted", "", text)
        return
    yield LinkFault("not-counted", UNPROVEN, "", f"{text} {said}")


def _twice(link: str, views: Sequence[View], before_consent: int) -> Iterator[LinkFault]:
    """The same page counted more than once for one account. Two addresses are two pages: an application has
    its steps counted. What differs only in its query, is sent to a server of the site's own as well, or is
    told without cookies before consent and with them after it, may be meant: a person judges that. A view
    that says twice that consent was given, or once has lost the tags, is not proven."""
    pages: dict[tuple[str, ...], list[View]] = defaultdict(list)
    for view in views:
        to = urlsplit(view.page)
        pages[(view.id or view.at, to.netloc, to.path, to.fragment)].append(view)
    for same in pages.values():
        if len(same) == 1:
            continue
        plain = [(_maker(view.at), view.page, view.nth < before_consent) for view in same]
        is_plain = len(set(plain)) < len(plain)
        consents = [told for view in same if (told := _CONSENT_OF_GOOGLE.search(view.told))]
        is_said = len({view.at for view in same}) == 1 and len({told[1] for told in consents}) < len(consents)
        is_in_doubt = is_said or len({bool(_lost(link, [view])) for view in same}) > 1
        text = f"One view is counted {len(same)} times at {' and '.join(sorted({view.at for view in same}))}."
        severity = ERROR if is_plain else UNPROVEN if is_in_doubt else WARNING
        yield LinkFault("counted-twice", severity, "", text)


def _maker(at: str) -> str:
    """Who keeps a counter: the servers of a well-known one for several parts of the world are one."""
    host, _, path = at.partition("/")
    return ".".join(host.split(".")[-2:]) if is_known(host, f"/{path}") else at


def _untagged(link: str, views: Sequence[View]) -> Iterator[LinkFault]:
    """A counter that is told an address without the tags counts the view as nobody's."""
    if lost := _lost(link, views):
        text = (
            f"The view is counted under an address without {', '.join(lost)}: confirm that the tags arrive."
        )
        yield LinkFault("counted-untagged", UNPROVEN, "", text)


def _lost(link: str, views: Sequence[View]) -> list[str]:
    """The tags of a link that none of the views which tell an address has."""
    told = [_plain(view.told) for view in views if view.page]
    tags = {name: values[0] for name, values in expected_values(link, "").items() if values[0]}
    return [name for name, value in tags.items() if told and not any(value in line for line in told)]


def _plain(text: str) -> str:
    """Without its encoding, which an address within an address has twice."""
    return unquote(unquote(text))


def sent_code(code: str, address: str, body: str) -> bool:
    """Whether what a form sends carries ``code``, in its address or its body, however that is encoded."""
    told: Mapping[str, str] = dict(parse_qsl(urlsplit(address).query)) | dict(parse_qsl(body))
    is_value = code.casefold() in map(str.casefold, told.values())
    return is_value or re.search(rf"(?<![\w-]){re.escape(code)}(?![\w-])", body, re.IGNORECASE) is not None


def _error(rule: str, parameter: str, message: str) -> LinkFault:
    return LinkFault(rule, ERROR, parameter, message)


def _warning(rule: str, parameter: str, message: str) -> LinkFault:
    return LinkFault(rule, WARNING, parameter, message)
