"""What a page says against the link to it: gone in all but name, slow, tags lost by script, miscounted.

Pure: pages are what a visitor's browser has observed. As in link checks an error fails the link, a warning
is for a person to judge.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from programs.analytics.link_check import ERROR, WARNING, LinkFault, check_redirect, expected_values

SLOWEST_SECONDS = 5.0
BAD_REQUEST = 400
FIREWALL = frozenset({401, 403, 405, 406, 409, 418, 429, 503})
"""Answers that sites give to programs and not to browsers."""
COLLECTORS = {
    "google-analytics.com": ("/collect", "/g/collect", "/j/collect", "/r/collect"),
    "analytics.google.com": ("/g/collect",),
    "plausible.io": ("/api/event",),
    "api.segment.io": ("/v1/p", "/v1/page"),
    "api.mixpanel.com": ("/track",),
    "api-js.mixpanel.com": ("/track",),
    "heapanalytics.com": ("/h",),
    "cloud.umami.is": ("/api/send",),
    "api.fathom.com": ("/",),
}
"""Where well-known measuring tags send their hits: host, or a part of it from the right, and path."""
MATOMO = ("/matomo.php", "/piwik.php")
_IDS = ("tid", "idsite", "site", "siteId", "domain", "website", "d", "token", "writeKey")
_EVENTS = ("en", "t", "event", "e", "n", "name", "type", "action")
_VIEWS = frozenset({"", "page_view", "pageview", "page", "view", "$pageview"})
_GONE = re.compile(
    r"\b404\b|not[ -]?found|no longer (?:available|exists|here)|(?:doesn.?t|does not) exist|"
    r"page (?:is )?gone|"
    r"nicht gefunden|existiert nicht|introuvable|n.existe pas|no encontrad[oa]|no existe|non trovat[oa]|"
    r"não encontrad[oa]|niet gevonden|ikke fundet|見つかりません|找不到",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class PageSeen:
    """A page in a visitor's browser: ``hops`` the documents asked for in order, ``url`` where it stands at
    last, ``hits`` address and body of what it sent elsewhere, ``seconds`` until it had loaded."""

    url: str
    status: int
    hops: Sequence[str]
    title: str = ""
    heading: str = ""
    canonical: str = ""
    seconds: float = 0.0
    hits: Sequence[Sequence[str]] = ()


def check_page(
    link: str,
    seen: PageSeen,
    *,
    code_parameter: str,
    collectors: Collection[str] = (),
    slowest: float = SLOWEST_SECONDS,
) -> tuple[LinkFault, ...]:
    """Every rule on the page that ``link`` leads to.

    ``collectors``: where the program's own measuring tags send, each “host” or “host/path”. With them a page
    that sends nothing there is an error; without, nobody has said that anything is measured.
    """
    if seen.status >= BAD_REQUEST:
        return (_error("status", "", f"In the browser the page answers {seen.status}."),)
    views = list(page_views(seen.hits, collectors))
    return (
        *_gone(link, seen),
        *_canonical(seen),
        *check_redirect([link, *seen.hops[1:]], code_parameter=code_parameter, is_browser=True),
        *_rewritten(link, seen, views, code_parameter),
        *_slow(seen, slowest),
        *_counted(views, collectors),
    )


def page_views(hits: Sequence[Sequence[str]], collectors: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """Of all requests those that count a view of a page: which counter, and address and body together."""
    for address, body in hits:
        parts = urlsplit(address)
        if not _is_collector(parts.netloc.lower(), parts.path, collectors):
            continue
        for line in body.splitlines() or [""]:
            told = dict(parse_qsl(parts.query)) | dict(parse_qsl(line))
            event = next((told[name] for name in _EVENTS if name in told), "")
            if event.lower() in _VIEWS:
                counter = next((told[name] for name in _IDS if name in told), "")
                yield f"{parts.netloc}{parts.path} {counter}".strip(), f"{address} {line}"


def _is_collector(host: str, path: str, declared: Collection[str]) -> bool:
    for one in declared:
        wanted, _, below = one.partition("/")
        if host == wanted.lower() and path.startswith(f"/{below}"):
            return True
    if path.endswith(MATOMO):
        return True
    name = host.partition(":")[0]
    return any(
        (name == known or name.endswith(f".{known}")) and path in paths for known, paths in COLLECTORS.items()
    )


def _gone(link: str, seen: PageSeen) -> Iterator[LinkFault]:
    for text in (seen.title, seen.heading):
        if found := _GONE.search(text):
            yield _error("soft-404", "", f"The page answers {seen.status} and says “{found[0]}”.")
            return
    asked, came = urlsplit(link).path.strip("/"), urlsplit(seen.url)
    is_detour = urlsplit(link).netloc.lower() != came.netloc.lower()
    if asked and not is_detour and not came.path.strip("/"):
        yield _error("soft-404", "", "The link asks for a page and leads to the home page of the site.")


def _canonical(seen: PageSeen) -> Iterator[LinkFault]:
    """Search engines and some counters take the canonical address for the page's own."""
    if seen.canonical and _page_of(seen.canonical) != _page_of(seen.url):
        there = urlsplit(seen.canonical)
        yield _error("canonical", "", f"The page calls itself {there.netloc}{there.path}, another page.")


def _page_of(url: str) -> tuple[str, str]:
    """Host and path as people mean them."""
    parts = urlsplit(url)
    path = re.sub(r"/(?:index|default)\.\w+$", "/", parts.path.lower()).rstrip("/")
    return parts.netloc.lower().removeprefix("www."), path


def _rewritten(
    link: str, seen: PageSeen, views: Sequence[tuple[str, str]], code_parameter: str
) -> Iterator[LinkFault]:
    """What a script does to the address once the page is there."""
    last = seen.hops[-1] if seen.hops else link
    then, now = expected_values(last, code_parameter), expected_values(seen.url, code_parameter)
    for name, value in then.items():
        if name in now and now[name] != value:
            yield _error("script-changed", name, f"A script of the page overwrites {name}.")
        elif name not in now and not any(value[0] in told for _, told in views):
            text = f"A script takes {name} off the address, and no count was seen to carry it."
            yield _warning("script-removed", name, text)


def _slow(seen: PageSeen, slowest: float) -> Iterator[LinkFault]:
    if seen.seconds > slowest:
        text = f"The page takes {seen.seconds:.1f} seconds to load; {slowest:g} are the most."
        yield _error("slow", "", text)


def _counted(views: Sequence[tuple[str, str]], collectors: Collection[str]) -> Iterator[LinkFault]:
    counts: dict[str, int] = {}
    for counter, _ in views:
        counts[counter] = counts.get(counter, 0) + 1
    for counter, times in counts.items():
        if times > 1:
            yield _error("counted-twice", "", f"One view is counted {times} times at {counter.split()[0]}.")
    if collectors and not views:
        yield _error("not-counted", "", f"The view is not counted: nothing went to {', '.join(collectors)}.")


def says_gone(text: str) -> bool:
    """Whether a page says that something is not there."""
    return _GONE.search(text) is not None


def sent_code(code: str, address: str, body: str) -> bool:
    """Whether what a form sends carries ``code``, in its address or its body, however that is encoded."""
    told: Mapping[str, str] = dict(parse_qsl(urlsplit(address).query)) | dict(parse_qsl(body))
    return code in told.values() or re.search(rf"(?<![\w-]){re.escape(code)}(?![\w-])", body) is not None


def _error(rule: str, parameter: str, message: str) -> LinkFault:
    return LinkFault(rule, ERROR, parameter, message)


def _warning(rule: str, parameter: str, message: str) -> LinkFault:
    return LinkFault(rule, WARNING, parameter, message)
