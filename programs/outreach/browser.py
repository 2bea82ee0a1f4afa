"""Pages in Chromium as a visitor meets them: where scripts lead, what a form holds and sends, what counts.

Playwright and a Chromium are no part of a plain installation; ``missing`` says whether both are here.
The browser resolves the hosts of an allowance and nothing else, each to the address that was checked. Every
address is opened by a new visitor, with cookies of their own and no more.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, Queue
from threading import Event
from typing import TYPE_CHECKING, Any

from django.conf import settings

from gtm.core.later import later
from gtm.core.places.outside import Allowance, NotAllowed, Unreachable, address_of
from programs.outreach.looks import Look, LookFailed, Stop, version

if TYPE_CHECKING:
    from programs.outreach import visitor as visiting
else:
    visiting = later("programs.outreach.visitor")  # its rules on pages load what the site's start must not

__all__ = ["Found", "Look", "LookFailed", "Stop", "look", "missing", "tour", "version"]
NAMES = ("chromium", "chromium-browser", "google-chrome")
POLL = 0.1
AT_ONCE = 6
"""Pages that settle side by side. They load one after the other, so that each is timed alone."""


def missing() -> str:
    """What keeps flows from being run in a browser here, "" where nothing does."""
    if settings.GTM_BROWSER == "off":
        return "browsers are switched off (GTM_BROWSER)"
    if importlib.util.find_spec("playwright") is None:
        return "Playwright is not installed"
    return "" if _path() else "no Chromium is installed"


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
    found: Queue[tuple[int, Found]] = Queue()
    early: dict[int, Found] = {}
    no_more = Event()
    with ThreadPoolExecutor(1) as thread:
        browsing = thread.submit(_visit_all, stops, allowance, found, no_more)
        try:
            for number in range(len(stops)):
                tell(number)
                while number not in early:
                    early.update([_next(found, browsing)])
                yield early.pop(number)
        finally:
            no_more.set()


def _next(found: Queue[tuple[int, Found]], browsing: Future[None]) -> tuple[int, Found]:
    """What the browser saw next, at which stop; raises what ended it before."""
    while True:
        try:
            return found.get(timeout=POLL)
        except Empty:
            if browsing.done() and found.empty():
                browsing.result()
                raise LookFailed("Chromium: it ended before the last page was seen.") from None


def _visit_all(
    stops: Sequence[Stop], allowance: Allowance, found: Queue[tuple[int, Found]], no_more: Event
) -> None:
    with _chromium(allowance) as (errors, late, browser):
        waiting: list[tuple[int, visiting.Visitor | Found]] = []
        for number, stop in enumerate([*stops, *[None] * AT_ONCE]):
            if no_more.is_set():
                return
            if stop is None or len(waiting) == AT_ONCE:
                if not waiting:
                    return
                # Who stays longer is looked at later, so that nobody waits for them.
                at, visitor = next((one for one in waiting if not _stays(one[1])), waiting[0])
                waiting.remove((at, visitor))
                found.put((at, _seen_by(visitor, errors)))
            if stop is not None:
                visitor = _sent_out(visiting.Visitor(browser, allowance, stop, errors, late), errors)
                waiting.append((number, visitor))


def _stays(visitor: visiting.Visitor | Found) -> bool:
    return isinstance(visitor, visiting.Visitor) and visitor.stays


def _sent_out(visitor: visiting.Visitor, errors: Any) -> visiting.Visitor | Found:
    try:
        address_of(visitor.stop.url, visitor.allowance)
        visitor.open()
    except (NotAllowed, Unreachable) as error:
        return error
    except errors as error:
        return _broken(visitor, error, is_unseen="Download is starting" in error.message)
    return visitor


def _seen_by(visitor: visiting.Visitor | Found, errors: Any) -> Found:
    if not isinstance(visitor, visiting.Visitor):
        return visitor
    try:
        return visitor.look()
    except (NotAllowed, Unreachable, LookFailed) as error:
        return error
    except errors as error:
        return _broken(visitor, error, is_unseen=True)
    finally:
        visitor.leave()


def _broken(visitor: visiting.Visitor, error: Any, *, is_unseen: bool) -> LookFailed:
    visitor.leave()
    return LookFailed(f"Chromium: {error.message.splitlines()[0]}", is_unseen=is_unseen)


@contextmanager
def _chromium(allowance: Allowance) -> Iterator[tuple[Any, Any, Any]]:
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
            yield playwright.Error, playwright.TimeoutError, browser
        finally:
            browser.close()


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
