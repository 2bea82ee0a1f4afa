"""What a page says against the link to it: gone in all but name, slow, tags lost by script, miscounted.

Pure: pages are what a visitor's browser has observed. As in link checks an error fails the link, a warning
is for a person to judge.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from programs.analytics import gone
from programs.analytics.link_check import ERROR, WARNING, LinkFault, check_redirect, expected_values
from programs.analytics.page_counts import is_heard, page_views

SLOWEST_SECONDS = 5.0
BAD_REQUEST, TOO_MANY = 400, 429
FIREWALL = frozenset({401, 403, 405, 406, 409, 418, 429, 503})
"""Answers that sites give to programs and not to browsers."""
LIKE_NOTHING = 0.95
"""From this likeness on a page is what its site shows where nothing is."""


@dataclass(frozen=True, slots=True)
class PageSeen:
    """A page in a visitor's browser: ``hops`` the documents asked for in order, ``url`` where it stands at
    last, ``hits`` address and body of what it sent elsewhere.

    ``seconds`` until it could be read, ``loaded`` until all of it was there; ``consent`` “asked” or
    “pressed”; ``like_missing``, 0 to 1, how like it is to what its site shows, with 200, where nothing is.
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


def check_page(
    link: str,
    seen: PageSeen,
    *,
    code_parameter: str,
    collectors: Collection[str] = (),
    slowest: float = SLOWEST_SECONDS,
    ours: Collection[str] = (),
) -> tuple[LinkFault, ...]:
    """Every rule on the page that ``link`` leads to.

    ``ours``: the addresses that a launch links to; a page may call itself another one of them, as a variant
    of a test does, and a link to one of them may be the only page that its site has. ``collectors``: where
    the program's own measuring tags send, each “host” or “host/path”. With them a page that sends nothing
    there is an error; without, nobody has said that anything is measured.
    """
    if seen.status == TOO_MANY:
        text = "The site limits how often it is asked, and this page was not seen: open it by hand."
        return (_warning("too-many", "", text),)
    if seen.status >= BAD_REQUEST:
        return (_error("status", "", f"In the browser the page answers {seen.status}."),)
    views = list(page_views(seen.hits, collectors))
    return (
        *_gone(link, seen, ours),
        *_canonical(seen, ours),
        *check_redirect([link, *seen.hops[1:]], code_parameter=code_parameter, is_browser=True),
        *_rewritten(link, seen, views, code_parameter),
        *_slow(seen, slowest),
        *_counted(seen, views, collectors),
    )


def _gone(link: str, seen: PageSeen, ours: Collection[str]) -> Iterator[LinkFault]:
    said = next(filter(None, map(gone.said_in, (seen.title, seen.heading))), None)
    if said and said.is_all:
        yield _error("soft-404", "", f"The page answers {seen.status} and says “{said.words}”.")
        return
    if said:
        text = f"The page says “{said.words}”, as pages that are gone do: confirm that it is the right one."
        yield _warning("soft-404", "", text)
    asked, came = urlsplit(link).path.strip("/"), urlsplit(seen.url)
    is_detour = urlsplit(link).netloc.lower() != came.netloc.lower()
    if asked and not is_detour and not came.path.strip("/"):
        yield _error("soft-404", "", "The link asks for a page and leads to the home page of the site.")
    elif asked and seen.like_missing >= LIKE_NOTHING:
        text = "The site shows the same where nothing is"
        if _page_of(seen.url) in map(_page_of, ours):
            yield _warning("soft-404", "", f"{text}: confirm that this is the page.")
        else:
            yield _error("soft-404", "", f"{text}, with the answer {seen.status}.")


def _canonical(seen: PageSeen, ours: Collection[str]) -> Iterator[LinkFault]:
    """Search engines and some counters take the canonical address for the page's own."""
    if not seen.canonical or _page_of(seen.canonical) == _page_of(seen.url):
        return
    there = urlsplit(seen.canonical)
    said = f"The page calls itself {there.netloc}{there.path}"
    if _page_of(seen.canonical) in map(_page_of, ours):
        yield _warning("canonical", "", f"{said}, another page of this launch: some counters count it there.")
    else:
        yield _error("canonical", "", f"{said}, another page.")


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
        text = f"The page takes {seen.seconds:.1f} seconds until it can be read; {slowest:g} are the most."
        yield _error("slow", "", text)
    elif seen.loaded > slowest:
        read = f"The page can be read after {seen.seconds:.1f} seconds"
        text = f"{read}; after {slowest:g} not all of it is there."
        yield _warning("slow", "", text)


def _counted(
    seen: PageSeen, views: Sequence[tuple[str, str]], collectors: Collection[str]
) -> Iterator[LinkFault]:
    counts: dict[str, int] = {}
    for counter, _ in views:
        counts[counter] = counts.get(counter, 0) + 1
    for counter, times in counts.items():
        if times > 1:
            yield _error("counted-twice", "", f"One view is counted {times} times at {counter.split()[0]}.")
    if not collectors or views or is_heard(seen.hits, collectors):
        return
    text = f"The view is not counted: nothing went to {', '.join(collectors)}."
    if seen.consent == "asked":
        said = "The page asks for consent to cookies, and no button to give it was found: confirm by hand."
        yield _warning("not-counted", "", f"{text} {said}")
    else:
        yield _error("not-counted", "", text)


def sent_code(code: str, address: str, body: str) -> bool:
    """Whether what a form sends carries ``code``, in its address or its body, however that is encoded."""
    told: Mapping[str, str] = dict(parse_qsl(urlsplit(address).query)) | dict(parse_qsl(body))
    is_value = code.casefold() in map(str.casefold, told.values())
    return is_value or re.search(rf"(?<![\w-]){re.escape(code)}(?![\w-])", body, re.IGNORECASE) is not None


def _error(rule: str, parameter: str, message: str) -> LinkFault:
    return LinkFault(rule, ERROR, parameter, message)


def _warning(rule: str, parameter: str, message: str) -> LinkFault:
    return LinkFault(rule, WARNING, parameter, message)
