"""What a browser is asked to open, and what a visitor saw there."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass

from programs.outreach.page_forms import SentForm


@dataclass(frozen=True, slots=True)
class Look:
    """``field`` is the value of the form field asked for, None where the page has none; ``picture`` a PNG.

    ``by`` names what opened the page, with versions. ``hops`` are the documents that were asked for, first
    to last; ``seconds`` passed until it could be read, ``loaded`` until all of it was there. ``hits`` are
    requests to other places than the page's own documents, as address and body: a measuring tag shows there,
    whether or not it was let out. ``sent`` is what left when the form was sent, in order. ``consent``:
    whether it asks for consent to cookies, “pressed” where that was given, after ``before_consent`` hits.
    ``kept_out``: hosts whose scripts and frames were kept out. ``forms``: whether it has anything to fill in,
    or a button that leads on with the tags; ``asks``: its fields, each with what its form says;
    ``leads_on``: whether it has that button. ``unfinished``: whether its form broke, or went on to ask, on
    the answer that stood in. ``closed``: whether its button could not be pressed.
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
    before_consent: int = 0
    kept_out: tuple[str, ...] = ()
    alternates: tuple[str, ...] = ()
    blank: bool = False
    covered: bool = False
    forms: bool = True
    asks: tuple[str, ...] = ()
    leads_on: bool = False
    password: bool = False
    in_cookie: bool = False
    unfinished: bool = False
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """An address to open; with ``sends`` its form is filled in and sent, ``delivers``: really to its site.

    Without ``pictured`` the look has no picture. ``counters``: where a view of it should be counted, which is
    waited for; ``stays``: whether to stay as long as somebody who reads it.
    """

    url: str
    field: str = ""
    sends: bool = False
    delivers: bool = False
    pictured: bool = True
    counters: tuple[str, ...] = ()
    stays: bool = False


class LookFailed(Exception):
    """The browser did not get to the page; it may later.

    ``is_unseen``: the page was there, and this check did not get to look at it, which says nothing of it.
    """

    def __init__(self, told: str = "", *, is_unseen: bool = False) -> None:
        super().__init__(told)
        self.is_unseen = is_unseen


def version() -> str:
    """Playwright with its version; of the browser it starts only the browser itself can tell."""
    return f"playwright {importlib.metadata.version('playwright')}"
