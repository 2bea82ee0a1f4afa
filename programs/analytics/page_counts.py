"""Which requests of a page count a view of it, and at which counter. Pure: reads what somebody observed."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

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
_IS_A_VIEW = ("/v1/p", "/v1/page")
"""Where only views of pages go, whatever they are called."""
MATOMO = ("/matomo.php", "/piwik.php")
_MATOMO_EVENTS = frozenset({"ping", "e_c", "link", "download", "c_n", "search", "idgoal", "ca"})
_IDS = ("tid", "idsite", "site", "siteId", "domain", "website", "d", "token", "writeKey", "ti", "pid")
_ID_OF_META = ("facebook.com", "id")
"""Whose pixel it is; elsewhere an ``id`` is often one of the hit alone."""
_EVENTS = ("en", "t", "event", "ev", "evt", "e", "n", "name", "type", "action")
_VIEWS = frozenset(
    {"page_view", "pageview", "page", "view", "page view", "pageload", "$pageview", "$mp_web_page_view"}
)
_LIKE_A_VIEW = re.compile("view|visit|page|load|land|^pv$", re.IGNORECASE)
_PAGES = ("dl", "url", "u", "location", "href", "page_location", "$current_url", "page_url", "page", "path")
_GOOGLE_S = "/g/collect"
Told = dict[str, str]


@dataclass(frozen=True, slots=True)
class View:
    """A view that is counted: ``at`` the counter, host and path; ``id`` whose it is and ``page`` the
    address that it counts, each "" where it does not say; ``told`` address and body together; ``nth`` the
    request of the page that it came with, from 0."""

    at: str
    id: str
    page: str
    told: str
    nth: int = 0


def page_views(hits: Sequence[Sequence[str]], collectors: Collection[str] = ()) -> Iterator[View]:
    """Of all requests those that count a view of a page.

    ``hits`` are addresses and bodies, ``collectors`` the program's own counters, each “host” or “host/path”.
    A body that is cut off or cannot be read counts nothing.
    """
    found = list(_views(hits, collectors))
    names_them = {view.at for view, is_named in found if is_named}
    yield from (view for view, is_named in found if is_named or view.at not in names_them)


def _views(hits: Sequence[Sequence[str]], collectors: Collection[str]) -> Iterator[tuple[View, bool]]:
    """What may be a view, and whether it is called one; what has no name is none where others have."""
    for nth, (address, body) in enumerate(hits):
        parts = urlsplit(address)
        if not _is_collector(parts.netloc.lower(), parts.path, collectors) and not _is_of_google(parts):
            continue
        for line, said in _messages(body):
            told = dict(parse_qsl(parts.query)) | said
            if _is_view(parts.path, told):
                page = next((told[name] for name in _PAGES if told.get(name)), "")
                view = View(
                    f"{parts.netloc}{parts.path}", _whose(parts, told), page, f"{address} {line}", nth
                )
                yield view, _name(told) != ""


def _whose(to: SplitResult, told: Told) -> str:
    host, name = _ID_OF_META
    if (to.hostname or "").endswith(host) and name in told:
        return told[name]
    return next((told[name] for name in _IDS if name in told), "")


def _name(told: Told) -> str:
    return next((told[name] for name in _EVENTS if name in told), "")


def is_heard(hits: Sequence[Sequence[str]], collectors: Collection[str]) -> bool:
    """Whether anything went to one of the program's own counters, whatever it said."""
    return any(True for _ in _declared(hits, collectors))


def is_only_events(hits: Sequence[Sequence[str]], collectors: Collection[str]) -> bool:
    """Whether all that went to the program's own counters has a name, and none of them is of a view."""
    names = [
        _name(told)
        for address, body in _declared(hits, collectors)
        for _, said in _messages(body)
        for told in [dict(parse_qsl(urlsplit(address).query)) | said]
    ]
    return bool(names) and all(name and not _LIKE_A_VIEW.search(name) for name in names)


def _declared(hits: Sequence[Sequence[str]], collectors: Collection[str]) -> Iterator[Sequence[str]]:
    for hit in hits:
        to = urlsplit(hit[0])
        if _is_declared(to.netloc.lower(), to.path, collectors):
            yield hit


def _is_of_google(to: SplitResult) -> bool:
    """A tag of Google that sends to a server of the site's own, which hands it on."""
    said = dict(parse_qsl(to.query))
    return to.path.endswith(_GOOGLE_S) and said.get("v") == "2" and "tid" in said


def _messages(body: str) -> Iterator[tuple[str, Told]]:
    """What a request says, once a message: a form, lines of forms, JSON, or a form that holds JSON."""
    if body.lstrip()[:1] in ("{", "["):
        yield from ((body, message) for message in _of_json(body))
        return
    for line in body.splitlines() or [""]:
        said = dict(parse_qsl(line))
        if "data" in said and (inner := _decoded(said["data"])):
            yield from ((line, message) for message in _of_json(inner))
        else:
            yield line, said


def _decoded(data: str) -> str:
    """JSON as it stands or in base64; "" where it is neither."""
    if data.lstrip()[:1] in ("{", "["):
        return data
    try:
        text = base64.b64decode(data, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""
    return text if text.lstrip()[:1] in ("{", "[") else ""


def _of_json(text: str) -> Iterator[Told]:
    try:
        read = json.loads(text)
    except ValueError:
        return
    for one in read if isinstance(read, list) else [read]:
        if isinstance(one, dict):
            yield _flat(one)


def _flat(message: Mapping[str, Any]) -> Told:
    """Texts and numbers of a message. A payload says what it is, not what is around it."""
    payload = message.get("payload")
    if isinstance(payload, dict):
        message = payload
    inner = message.get("properties")
    flat = {**(inner if isinstance(inner, dict) else {}), **message}
    return {name: str(value) for name, value in flat.items() if isinstance(value, str | int | float)}


def _is_view(path: str, told: Told) -> bool:
    if path in _IS_A_VIEW:
        return True
    if path.endswith(MATOMO):
        return not _MATOMO_EVENTS & told.keys()
    return _name(told).lower() in {"", *_VIEWS}


def _is_declared(host: str, path: str, declared: Collection[str]) -> bool:
    wanted = (one.partition("/") for one in declared)
    return any(host == name.lower() and path.startswith(f"/{below}") for name, _, below in wanted)


def _is_collector(host: str, path: str, declared: Collection[str]) -> bool:
    if _is_declared(host, path, declared) or path.endswith(MATOMO):
        return True
    return is_known(host, path)


def is_known(host: str, path: str) -> bool:
    """Whether a well-known measuring tag sends its hits there."""
    name = host.partition(":")[0]
    return any(
        (name == known or name.endswith(f".{known}")) and path in paths for known, paths in COLLECTORS.items()
    )
