"""A visitor of one page in Chromium: opens it, waits until it has come to rest, looks, and sends its form.

Every visitor has cookies of their own and no more. What a page asks for beyond the hosts of an allowance is
kept out, and told.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from gtm.core.places.outside import Allowance, NotAllowed, Unreachable, address_of
from programs.analytics.link_check import code_in
from programs.analytics.page_check import sent_code
from programs.analytics.page_counts import page_views
from programs.outreach.kept_back import body_of, keep_back, leads_away
from programs.outreach.looks import Look, LookFailed, Stop, version
from programs.outreach.page_consent import asks_consent, gives_consent, uncovers
from programs.outreach.page_forms import SentForm, field_of, fill, opens_form, press, step_of, value_of
from programs.outreach.page_state import (
    OPENS_SHADOWS,
    goes_away,
    is_covered,
    is_there,
    leads_on_with,
    moves_about,
    painted,
    state_of,
    states_of_frames,
)

MILLISECONDS = 20_000
VIEW = {"width": 1280, "height": 800}
SETTLES, QUIET, POLL = 6.0, 1.2, 0.1
"""Seconds: at most until a page is taken as it is, without a new document before that, and between looks."""
COUNTS, STAYS = 2.0, 5.0
"""Seconds: until a view is counted after the page is there; that a visitor stays to read or fill in."""
HANGS = 5_000
"""Milliseconds without any answer of a page after which it is taken to hang."""
MOST_HITS, MOST_SENT, MOST_STEPS, MOST_MOVES, MOST_ANEW = 200, 20, 4, 5, 3
WITHOUT_END = "Chromium: the page loads anew without end."
_MOVED = re.compile("navigat|context was destroyed|detached", re.IGNORECASE)
_WENT_ON = re.compile("interrupted by another navigation", re.IGNORECASE)
"""What Playwright says where a page went on to another while it was asked, and how often that may be."""
MOST_LOADING = 8.0
"""Seconds that a page has to load the last of what it holds; what it still lacks then is left out."""


@dataclass(slots=True)
class Visitor:
    """One page of one visitor, and what it asked for: opened, left to settle, looked at.

    ``errors`` is what Playwright raises, ``late`` what it raises where time is up.
    """

    browser: Any
    allowance: Allowance
    stop: Stop
    errors: Any
    late: Any
    context: Any = None
    page: Any = None
    response: Any = None
    seconds: float = 0.0
    loaded: float = 0.0
    opened_at: float = 0.0
    loaded_at: float = 0.0
    settles_until: float = 0.0
    hops: list[str] = field(default_factory=list)
    hits: list[tuple[str, str]] = field(default_factory=list)
    kept_out: dict[str, None] = field(default_factory=dict)
    moved_at: float = 0.0
    sending: Stop | None = None
    sent: list[SentForm] = field(default_factory=list)
    is_unfinished: bool = False
    is_closed: bool = False
    is_pressing: bool = False
    is_uncovering: bool = False
    consent: str = ""
    before_consent: int = 0
    statuses: dict[str, int] = field(default_factory=dict)

    def open(self) -> None:
        """Load the page, and let it go on by itself."""
        self.context = self.browser.new_context(viewport=VIEW, service_workers="block")
        self.context.add_init_script(OPENS_SHADOWS)
        page = self.page = self.context.new_page()
        page.on("request", lambda request: self._heard(page, request))
        page.on("load", lambda _: self._has_loaded())
        page.on("framenavigated", lambda frame: self._went(page, frame))
        page.on("pageerror", lambda _: self._broke())
        page.on("response", lambda answer: self.statuses.update({answer.url: answer.status}))
        self.context.route("**/*", lambda route: self._pass(route))  # noqa: PLW0108 - Playwright marks handlers
        began = self.opened_at = time.monotonic()
        try:
            self.response = page.goto(self.stop.url, wait_until="domcontentloaded", timeout=MILLISECONDS)
        except self.errors as error:
            if not _WENT_ON.search(error.message):
                raise
            page.wait_for_load_state("domcontentloaded", timeout=MILLISECONDS)
        self.seconds = time.monotonic() - began
        # A picture that comes late, or a stream that never ends, keeps nobody from reading the page.
        while not self.loaded_at and time.monotonic() - began < MOST_LOADING:
            page.wait_for_timeout(1000 * POLL)
        self.loaded = (self.loaded_at or time.monotonic()) - began
        self._has_moved()

    def look(self) -> Look:
        """What the page has come to when it has settled."""
        for tries in range(1, MOST_MOVES + 1):
            try:
                self._comes_to_rest()
                shown = self._shown()
                if self.hops.count(shown.url) > MOST_ANEW:  # that it stood still just now was chance
                    raise LookFailed(WITHOUT_END)
                return shown
            except self.late as error:  # a page that hangs has been told of: this is slow to show itself
                raise LookFailed("Chromium: the page was not shown in time.", is_unseen=True) from error
            except self.errors as error:
                if not _MOVED.search(error.message) or self.sending is not None:
                    raise
                if tries == MOST_MOVES:
                    raise LookFailed(WITHOUT_END) from error
                self._has_moved()  # it went on while it was looked at
        raise AssertionError("The last try returns or raises.")

    def _comes_to_rest(self) -> None:
        self._settle()
        self._consents()
        self._uncover()
        self._is_counted_or_moves_about()
        self._stay()
        self._uncover()  # some pop-ups come to who stays

    def _uncover(self) -> None:
        """Close what lies over the page; what it would send, or where it would lead, is kept back."""
        self.is_uncovering = is_covered(self.page)
        try:
            if self.is_uncovering:
                uncovers(self.page)
        finally:
            self.is_uncovering = False

    def _shown(self) -> Look:
        page, stop = self.page, self.stop
        # Redirects are not routed again: what the page became must be allowed before it is pictured.
        address_of(page.url, self.allowance)
        status = self.statuses.get(page.url, self.response.status if self.response else 0)
        state, held = state_of(page), value_of(page, stop.field, self._code)
        covered, seen = is_covered(page), painted(page)
        fields = self._fields(state)
        picture = self._pictured() if stop.pictured else b""
        address, is_blank = page.url, not (is_there(state) or fields)
        hops, hits = tuple(self.hops), tuple(self.hits)
        if stop.field and not fields and held is None and not is_blank and not covered:
            fields, held = self._behind_its_button()
        leads_on = leads_on_with(stop.url, stop.field if self._code else "", state["links"])
        in_cookie = bool(self._code) and self._code in str(self.context.cookies(address))
        if stop.sends and held is not None:
            self._send(page, stop)
        return Look(
            url=address,
            status=status,
            field=held,
            picture=picture,
            by=f"{version()} (Chromium {self.browser.version})",
            hops=hops,
            seconds=max(self.seconds, seen),
            loaded=max(self.loaded, seen),
            hits=hits,
            sent=tuple(self.sent) if self.sending else None,
            consent=self.consent,
            before_consent=self.before_consent,
            kept_out=tuple(self.kept_out),
            alternates=tuple(state["alternates"]),
            blank=is_blank,
            covered=covered,
            forms=bool(fields or held is not None or leads_on),
            asks=tuple(fields),
            leads_on=leads_on,
            password=state["password"],
            in_cookie=in_cookie,
            unfinished=self.is_unfinished,
            closed=self.is_closed,
            text=state["text"].strip(),
            **{name: state[name].strip()[:300] for name in ("title", "heading", "canonical")},
        )

    def _pictured(self) -> bytes:
        """A picture of the page; none where a font or a picture of its own never comes."""
        try:
            return bytes(self.page.screenshot(timeout=MILLISECONDS))
        except self.late:
            return b""

    def _fields(self, state: Mapping[str, Any]) -> list[str]:
        return state["fields"] or [name for one in states_of_frames(self.page) for name in one["fields"]]

    def _behind_its_button(self) -> tuple[list[str], str | None]:
        """Fields, and what the field of the code holds, once the button of a page without a form was pressed.
        Where that leads says nothing of the link itself, and nothing it sends reaches the site."""
        self.is_pressing = True
        try:
            if opens_form(self.page):
                self._has_moved()
                self.settles_until = min(self.settles_until, time.monotonic() + COUNTS)
                self._settle()
                address_of(self.page.url, self.allowance)
            return self._fields(state_of(self.page)), value_of(self.page, self.stop.field, self._code)
        except (self.errors, NotAllowed, Unreachable):  # it led to where this check does not go
            return [], None

    @property
    def stays(self) -> bool:
        """Whether its visitor still stays, as somebody does who reads."""
        return self.stop.stays and time.monotonic() < self.opened_at + STAYS

    def leave(self) -> None:
        """Once; the visitor's cookies go with the page."""
        context, self.context = self.context, None
        if context is not None:
            context.close()

    @property
    def _code(self) -> str:
        return (code_in(self.stop.url, self.stop.field) or "") if self.stop.field else ""

    def _heard(self, page: Any, request: Any) -> None:
        if self.sending is not None or (self.is_uncovering and leads_away(page, request)):
            return
        if request.is_navigation_request() and request.frame == page.main_frame:
            self.hops.append(request.url)
            self.moved_at = time.monotonic()
        elif len(self.hits) < MOST_HITS:
            self.hits.append((request.url, body_of(request)))

    def _went(self, page: Any, frame: Any) -> None:
        """A step of an application within its page moves its visitor as well."""
        if frame == page.main_frame:
            self.moved_at = time.monotonic()

    def _broke(self) -> None:
        self.is_unfinished = self.is_unfinished or self.sending is not None

    def _has_loaded(self) -> None:
        self.loaded_at = self.loaded_at or time.monotonic()

    def _has_moved(self) -> None:
        now = time.monotonic()
        self.settles_until = now + SETTLES
        self.moved_at = max(self.moved_at, now - QUIET / 2)

    def _settle(self) -> None:
        """Until there is something to see, the field holds something, and no further document has come for a
        while; or time is up."""
        while time.monotonic() < self.settles_until:
            # What a page did while others loaded is heard before it is judged.
            self.page.wait_for_timeout(1000 * POLL)
            if time.monotonic() - self.moved_at >= QUIET and self._asked(self._is_at_rest, is_else=False):
                break
        self._answers()

    def _is_at_rest(self) -> bool:
        if not self._answers():
            return False
        state = state_of(self.page)
        is_here = is_there(state) or any(map(is_there, states_of_frames(self.page)))
        return is_here and not (self._code and value_of(self.page, self.stop.field, self._code) == "")

    def _asked(self, what: Callable[[], bool], *, is_else: bool) -> bool:
        """What the page tells; ``is_else`` where it goes on to another just then."""
        try:
            return what()
        except self.late as error:
            raise LookFailed("Chromium: the page does not answer.") from error
        except self.errors:
            return is_else

    def _answers(self) -> bool:
        """Raises what is late where a script of the page runs without end: nothing could be asked of it."""
        try:
            self.page.wait_for_function("() => true", timeout=HANGS, polling=50)
        except self.late as error:
            raise LookFailed("Chromium: the page does not answer.") from error
        except self.errors:  # its policy lets nobody evaluate: it answers
            return True
        return True

    def _is_counted(self) -> bool:
        return next(page_views(self.hits, self.stop.counters), None) is not None

    def _is_counted_or_moves_about(self) -> None:
        """Some pages load what counts a view late, or once their visitor moves; some send when they leave."""
        if not self.stop.counters:
            return
        for nudge in (lambda page: None, moves_about, goes_away):
            until = time.monotonic() + COUNTS
            if not self._is_counted():
                nudge(self.page)
            while time.monotonic() < until and not self._is_counted():
                self.page.wait_for_timeout(1000 * POLL)
                self._consents()

    def _consents(self) -> None:
        """Agree to cookies, once; a banner may come after the page."""
        if self.consent == "pressed":
            return
        self.consent, heard = asks_consent(self.page), len(self.hits)
        if gives_consent(self.page, is_asked=bool(self.consent)):
            self.consent, self.before_consent = "pressed", heard
            self._has_moved()
            self._settle()

    def _stay(self) -> None:
        """As long as somebody needs to read: a page may yet move on by itself."""
        while self.stays:
            self.page.wait_for_timeout(1000 * POLL)
        if time.monotonic() - self.moved_at < QUIET:
            self._has_moved()
            self._settle()

    def _send(self, page: Any, stop: Stop) -> None:
        """What the form sends, and what the page says to it; a page that goes on by itself meanwhile, or
        draws its form anew, leaves it unfinished."""
        self.sending = stop
        try:
            self._press_through(page, stop)
        except self.errors:
            self.is_unfinished = True
        if self.sent and stop.delivers:
            try:
                answer = page.inner_text("body")[:2000]
            except self.errors:
                answer = "(The page went on, and its answer was not read.)"
            self.sent = [replace(one, answer=answer) for one in self.sent]

    def _press_through(self, page: Any, stop: Stop) -> None:
        """Fill the form in and press its button, step by step; what leaves is heard until all has."""
        for _ in range(MOST_STEPS):
            field, heard = field_of(page, stop.field, self._code), len(self.sent)
            if field is None:
                break
            before = step_of(field)
            if not fill(field):
                break
            self.is_closed = not press(field)
            self._listen(page)
            if any(sent_code(self._code, one.url, one.body) for one in self.sent) or page.is_closed():
                break
            after = self._step(page, stop)
            if after == before and len(self.sent) == heard:  # it may still ask for a token of its own
                self._listen(page)
            if after is None or (after == before and not self._says_more(heard)):
                break
            self.is_unfinished = self.is_unfinished or (after != before and not stop.delivers)

    def _says_more(self, heard: int) -> bool:
        """Whether what left since then is anything new: the same sent again is no further step."""
        before = {(one.url, one.body) for one in self.sent[:heard]}
        return any((one.url, one.body) not in before for one in self.sent[heard:])

    def _step(self, page: Any, stop: Stop) -> str | None:
        try:
            return step_of(field_of(page, stop.field, self._code))
        except self.errors:
            return None

    def _listen(self, page: Any) -> None:
        until = time.monotonic() + SETTLES
        quiet_at, heard = time.monotonic() + 2 * QUIET, len(self.sent)
        while time.monotonic() < min(until, quiet_at):
            page.wait_for_timeout(1000 * POLL)
            if len(self.sent) > heard:
                heard, quiet_at = len(self.sent), time.monotonic() + QUIET

    def _pass(self, route: Any) -> None:
        """Let a request through to an allowed host and port; ads, trackers and everything else stay out."""
        request = route.request
        if self.sending is not None and (request.is_navigation_request() or request.method != "GET"):
            if len(self.sent) < MOST_SENT:
                told = (request.method, request.url, body_of(request))
                self.sent.append(SentForm(*told, kind=request.resource_type))
            if not self.sending.delivers:
                keep_back(route)
                return
        if self.is_uncovering and leads_away(self.page, request):
            route.abort("aborted")  # the page stays
            return
        is_asking = self.is_pressing or self.is_uncovering
        if is_asking and self.sending is None and request.method not in ("GET", "HEAD", "OPTIONS"):
            keep_back(route)
            return
        try:
            address_of(request.url, self.allowance)
        except (NotAllowed, Unreachable):
            if request.resource_type in ("script", "document") and len(self.kept_out) < MOST_SENT:
                self.kept_out[urlsplit(request.url).netloc] = None
            route.abort("blockedbyclient")
        else:
            route.continue_()
