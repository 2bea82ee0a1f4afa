"""Pages in Chromium as a visitor meets them: where scripts lead, what a form holds and sends, what counts.

Playwright and a Chromium are no part of a plain installation; ``missing`` says whether both are here.
The browser resolves the hosts of an allowance and nothing else, each to the address that was checked. Every
address is opened by a new visitor, with cookies of their own and no more.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from queue import Empty, Queue
from threading import Event
from typing import Any

from django.conf import settings

from gtm.core.places.outside import Allowance, NotAllowed, Unreachable, address_of
from programs.outreach.page_forms import SentForm, asks_consent, fill_and_send, gives_consent

NAMES = ("chromium", "chromium-browser", "google-chrome")
MILLISECONDS = 20_000
VIEW = {"width": 1280, "height": 800}
SETTLES, QUIET, POLL = 6.0, 1.2, 0.1
"""Seconds: at most until a page is taken as it is, without a new document before that, and between looks."""
MOST_HITS, MOST_SENT = 200, 20
MOST_LOADING = 8.0
"""Seconds that a page has to load the last of what it holds; what it still lacks then is left out."""
AT_ONCE = 6
"""Pages that settle side by side. They load one after the other, so that each is timed alone."""
_ABOUT_THE_PAGE = """() => ({
    title: document.title,
    heading: (document.querySelector("h1") || {}).innerText || "",
    canonical: (document.querySelector('link[rel="canonical"]') || {}).href || "",
    text: ((document.querySelector("main") || document.body || {}).innerText || "").slice(0, 2000),
})"""
_PAINTED = (
    """() => (performance.getEntriesByName("first-contentful-paint")[0] || {startTime: 0}).startTime / 1000"""
)


@dataclass(frozen=True, slots=True)
class Look:
    """``field`` is the value of the form field asked for, None where the page has none; ``picture`` a PNG.

    ``by`` names what opened the page, with versions. ``hops`` are the documents that were asked for, first
    to last; ``seconds`` passed until it could be read, ``loaded`` until all of it was there. ``hits`` are
    requests to other places than the page's own documents, as address and body: a measuring tag shows there,
    whether or not it was let out. ``sent`` is what left when the form was sent, in order. ``consent``:
    whether it asks for consent to cookies, “pressed” where that was given.
    """

    url: str
    status: int
    field: str | None
    picture: bytes
    by: str
    hops: tuple[str, ...] = ()
    seconds: float = 0.0
    loaded: float = 0.0
    title: str = ""
    heading: str = ""
    canonical: str = ""
    text: str = ""
    hits: tuple[tuple[str, str], ...] = ()
    sent: tuple[SentForm, ...] | None = None
    consent: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """An address to open; with ``sends`` its form is filled in and sent, ``delivers``: really to its site.

    Without ``pictured`` the look has no picture.
    """

    url: str
    field: str = ""
    sends: bool = False
    delivers: bool = False
    pictured: bool = True


class LookFailed(Exception):
    """The browser did not get to the page; it may later."""


def missing() -> str:
    """What keeps flows from being run in a browser here, "" where nothing does."""
    if settings.GTM_BROWSER == "off":
        return "browsers are switched off (GTM_BROWSER)"
    if importlib.util.find_spec("playwright") is None:
        return "Playwright is not installed"
    return "" if _path() else "no Chromium is installed"


def version() -> str:
    """Playwright with its version; of the browser it starts only the browser itself can tell."""
    return f"playwright {importlib.metadata.version('playwright')}"


def look(url: str, allowance: Allowance, field: str = "") -> Look:
    """Open ``url`` and wait until it has settled. Raises NotAllowed, Unreachable or LookFailed."""
    address_of(url, allowance)
    (found,) = tour([Stop(url, field)], allowance)
    if isinstance(found, Exception):
        raise found
    return found


Found = Look | LookFailed | NotAllowed | Unreachable


def tour(
    stops: Sequence[Stop], allowance: Allowance, tell: Callable[[int], None] = lambda n: None
) -> Iterator[Found]:
    """Each stop opened by a visitor of its own, in one browser; or what kept it from being seen.

    The browser has a thread to itself: Playwright keeps an event loop in its own, where the database must not
    be asked, and ``tell`` does. Raises LookFailed where no browser comes up.
    """
    found: Queue[Found] = Queue()
    no_more = Event()
    with ThreadPoolExecutor(1) as thread:
        browsing = thread.submit(_visit_all, stops, allowance, found, no_more)
        try:
            for number in range(len(stops)):
                tell(number)
                yield _next(found, browsing)
        finally:
            no_more.set()


def _next(found: Queue[Found], browsing: Future[None]) -> Found:
    """What the browser saw next; raises what ended it before."""
    while True:
        try:
            return found.get(timeout=POLL)
        except Empty:
            if browsing.done() and found.empty():
                browsing.result()
                raise LookFailed("Chromium: it ended before the last page was seen.") from None


def _visit_all(stops: Sequence[Stop], allowance: Allowance, found: Queue[Found], no_more: Event) -> None:
    with _chromium(allowance) as (errors, browser):
        waiting: deque[_Visitor | Found] = deque()
        for stop in [*stops, *[None] * AT_ONCE]:
            if no_more.is_set():
                return
            if stop is None or len(waiting) == AT_ONCE:
                if not waiting:
                    return
                found.put(_seen_by(waiting.popleft(), errors))
            if stop is not None:
                waiting.append(_sent_out(_Visitor(browser, allowance, stop), errors))


def _sent_out(visitor: _Visitor, errors: Any) -> _Visitor | Found:
    try:
        address_of(visitor.stop.url, visitor.allowance)
        visitor.open()
    except (NotAllowed, Unreachable) as error:
        return error
    except errors as error:
        return _broken(visitor, error)
    return visitor


def _seen_by(visitor: _Visitor | Found, errors: Any) -> Found:
    if not isinstance(visitor, _Visitor):
        return visitor
    try:
        return visitor.look()
    except (NotAllowed, Unreachable, LookFailed) as error:
        return error
    except errors as error:
        return _broken(visitor, error)
    finally:
        visitor.leave()


def _broken(visitor: _Visitor, error: Any) -> LookFailed:
    visitor.leave()
    return LookFailed(f"Chromium: {error.message.splitlines()[0]}")


@contextmanager
def _chromium(allowance: Allowance) -> Iterator[tuple[Any, Any]]:
    playwright = importlib.import_module("playwright.sync_api")
    rules = ",".join(_pinned(allowance))
    arguments = [f"--host-resolver-rules={rules}", "--disable-background-networking"]
    # Chromium's own sandbox refuses to start as root; containers often run as it.
    arguments += ["--no-sandbox"] * (os.geteuid() == 0)
    with playwright.sync_playwright() as play:
        try:
            browser = play.chromium.launch(executable_path=_path(), args=arguments)
        except playwright.Error as error:
            raise LookFailed(f"Chromium: {error.message.splitlines()[0]}") from error
        try:
            yield playwright.Error, browser
        finally:
            browser.close()


@dataclass(slots=True)
class _Visitor:
    """One page of one visitor, and what it asked for: opened, left to settle, looked at."""

    browser: Any
    allowance: Allowance
    stop: Stop
    context: Any = None
    page: Any = None
    response: Any = None
    seconds: float = 0.0
    loaded: float = 0.0
    loaded_at: float = 0.0
    settles_until: float = 0.0
    hops: list[str] = field(default_factory=list)
    hits: list[tuple[str, str]] = field(default_factory=list)
    moved_at: float = 0.0
    sending: Stop | None = None
    sent: list[SentForm] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)

    def open(self) -> None:
        """Load the page, and let it go on by itself."""
        self.context = self.browser.new_context(viewport=VIEW, service_workers="block")
        page = self.page = self.context.new_page()
        page.on("request", lambda request: self._heard(page, request))
        page.on("load", lambda _: self._has_loaded())
        page.on("response", lambda answer: self.statuses.update({answer.url: answer.status}))
        page.route("**/*", lambda route: self._pass(route))  # noqa: PLW0108 - Playwright marks handlers
        began = time.monotonic()
        self.response = page.goto(self.stop.url, wait_until="domcontentloaded", timeout=MILLISECONDS)
        self.seconds = time.monotonic() - began
        # A picture that comes late, or a stream that never ends, keeps nobody from reading the page.
        while not self.loaded_at and time.monotonic() - began < MOST_LOADING:
            page.wait_for_timeout(1000 * POLL)
        self.loaded = (self.loaded_at or time.monotonic()) - began
        self._has_moved()

    def look(self) -> Look:
        """What the page has come to when it has settled."""
        page, stop = self.page, self.stop
        self._settle()
        consent = asks_consent(page)
        if gives_consent(page, is_asked=bool(consent)):
            consent = "pressed"
            self._has_moved()
            self._settle()
        # Redirects are not routed again: what the page became must be allowed before it is pictured.
        address_of(page.url, self.allowance)
        status = self.statuses.get(page.url, self.response.status if self.response else 0)
        about, held = page.evaluate(_ABOUT_THE_PAGE), _value(page, stop.field)
        painted = float(page.evaluate(_PAINTED))
        picture = page.screenshot(timeout=MILLISECONDS) if stop.pictured else b""
        address = page.url
        if stop.sends and held is not None:
            self._send(page, stop)
        return Look(
            url=address,
            status=status,
            field=held,
            picture=picture,
            by=f"{version()} (Chromium {self.browser.version})",
            hops=tuple(self.hops),
            seconds=max(self.seconds, painted),
            loaded=max(self.loaded, painted),
            hits=tuple(self.hits),
            sent=tuple(self.sent) if self.sending else None,
            consent=consent,
            text=about.pop("text").strip(),
            **{name: text.strip()[:300] for name, text in about.items()},
        )

    def leave(self) -> None:
        """Once; the visitor's cookies go with the page."""
        context, self.context = self.context, None
        if context is not None:
            context.close()

    def _heard(self, page: Any, request: Any) -> None:
        if self.sending is not None:
            return
        if request.is_navigation_request() and request.frame == page.main_frame:
            self.hops.append(request.url)
            self.moved_at = time.monotonic()
        elif len(self.hits) < MOST_HITS:
            self.hits.append((request.url, _body(request)))

    def _has_loaded(self) -> None:
        self.loaded_at = self.loaded_at or time.monotonic()

    def _has_moved(self) -> None:
        now = time.monotonic()
        self.settles_until = now + SETTLES
        self.moved_at = max(self.moved_at, now - QUIET / 2)

    def _settle(self) -> None:
        """Until the field holds something and no further document has come for a while, or time is up."""
        name = self.stop.field
        while time.monotonic() < self.settles_until:
            # What a page did while others loaded is heard before it is judged.
            self.page.wait_for_timeout(1000 * POLL)
            if time.monotonic() - self.moved_at < QUIET:
                continue
            if not name or _value(self.page, name) != "":
                return

    def _send(self, page: Any, stop: Stop) -> None:
        """Fill the form in and press its button; what leaves is heard until nothing more does."""
        self.sending = stop
        if not fill_and_send(page, stop.field):
            return
        until = time.monotonic() + SETTLES
        quiet_at, heard = until, 0
        while time.monotonic() < min(until, quiet_at):
            page.wait_for_timeout(1000 * POLL)
            if len(self.sent) > heard:
                heard, quiet_at = len(self.sent), time.monotonic() + QUIET
        if self.sent and stop.delivers:
            answer = page.inner_text("body")[:2000]
            self.sent = [replace(one, answer=answer) for one in self.sent]

    def _pass(self, route: Any) -> None:
        """Let a request through to an allowed host and port; ads, trackers and everything else stay out."""
        request = route.request
        if self.sending is not None and (request.is_navigation_request() or request.method != "GET"):
            if len(self.sent) < MOST_SENT:
                told = (request.method, request.url, _body(request))
                self.sent.append(SentForm(*told, kind=request.resource_type))
            if not self.sending.delivers:
                route.abort("blockedbyclient")
                return
        try:
            address_of(request.url, self.allowance)
        except (NotAllowed, Unreachable):
            route.abort("blockedbyclient")
        else:
            route.continue_()


def _value(page: Any, name: str) -> str | None:
    if not name:
        return None
    held = page.locator(f'input[name="{name}"]')
    return str(held.first.input_value()) if held.count() > 0 else None


def _body(request: Any) -> str:
    sent = request.post_data_buffer
    return sent[:4096].decode("utf-8", "replace") if sent else ""


def _path() -> str:
    if settings.GTM_BROWSER != "auto":
        return shutil.which(settings.GTM_BROWSER) or ""
    return next((path for name in NAMES if (path := shutil.which(name))), "")


def _pinned(allowance: Allowance) -> list[str]:
    """Chromium's rules for names: every allowed host at its checked address, and no other anywhere.

    A host that is allowed at one port of its own is mapped to that port, whatever a redirect asks for.
    """
    ports: dict[str, list[str]] = {}
    for name in sorted(allowance.hosts):
        host, _, port = name.partition(":")
        ports.setdefault(host, []).append(port)
    rules = []
    for host, asked in ports.items():
        name = f"{host}:{asked[0]}" if asked[0] else host
        try:
            _, _, address = address_of(f"{'http' if asked[0] else 'https'}://{name}", allowance)
        except (NotAllowed, Unreachable):
            continue  # no page of the flow can lead there then
        literal = f"[{address}]" if ":" in address else address
        rules.append(f"MAP {host} {literal}" + (f":{asked[0]}" if len(asked) == 1 and asked[0] else ""))
    return [*rules, "MAP * ~NOTFOUND"]
