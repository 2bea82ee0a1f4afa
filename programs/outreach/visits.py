"""Visits to web addresses on behalf of a program: only hosts it allows, and never by accident ourselves.

How each hop is checked, and what is connected to, stands in ``gtm.core.places.outside``. Time, size and
redirects are bounded.
"""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass, replace
from http.cookiejar import CookieJar
from urllib.parse import quote, urljoin, urlsplit
from urllib.request import Request

from gtm.core.places.outside import (
    SECONDS_A_READ,
    Allowance,
    NotAllowed,
    Unreachable,
    address_of,
    connect,
    left,
    read,
)
from programs.analytics.found_links import sent_on

AGENT = "GTM-Governance link check"
MOST_HOPS, MOST_BYTES = 10, 512 * 1024
SECONDS_A_VISIT = 30.0
OK = 200
GONE = frozenset({404, 410})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What may stand in a Location as it is; servers also send it unencoded.
_URL_CHARACTERS = "%/:=&?~#+!$,;'@()*[]-._"

ARRIVED, NOT_ALLOWED, CIRCLE, TOO_LONG, UNREACHABLE = (
    "arrived", "not-allowed", "circle", "too-long", "unreachable",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Visit:
    """Where an address led: ``hops`` from the one asked for to the last; ``outcome`` is one of the constants.

    ``status`` is that of the last answer, 0 without any; ``body`` at most 512 KiB of it.
    """

    hops: tuple[str, ...]
    outcome: str
    status: int = 0
    media_type: str = ""
    body: bytes = b""
    reason: str = ""

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    location: str
    media_type: str
    body: bytes

    @property
    def leads(self) -> str:
        """Where the visitor is sent on, by the answer or by its page; "" where they have arrived."""
        if self.status in REDIRECTS:
            # Headers are read as Latin-1; its bytes are what the server sent.
            return quote(self.location.encode("latin-1"), safe=_URL_CHARACTERS)
        if self.status != OK or self.media_type != "text/html":
            return ""
        return quote(sent_on(self.body.decode("utf-8", "replace")), safe=_URL_CHARACTERS)


def visit(url: str, allowance: Allowance, *, seconds: float = SECONDS_A_VISIT) -> Visit:
    """Follow ``url`` through its redirects. Whatever happens on the way is in the visit, never raised."""
    until = time.monotonic() + seconds
    hops: list[str] = [url]
    jar, been = CookieJar(), {(url, "")}
    while True:
        try:
            answer = _get(hops[-1], allowance, until, jar)
        except NotAllowed as refusal:
            return Visit(tuple(hops), NOT_ALLOWED, reason=str(refusal))
        except Unreachable as failure:
            return Visit(tuple(hops), UNREACHABLE, reason=str(failure))
        came = Visit(tuple(hops), ARRIVED, answer.status, answer.media_type, answer.body)
        leads = answer.leads
        if not leads:
            return came
        follows = urljoin(hops[-1], leads)
        if follows == hops[-1] and answer.status not in REDIRECTS:
            return came  # it loads itself anew
        # A wall that sets a cookie and sends the visitor back is no circle: who comes back has the cookie.
        state = (follows, " ".join(sorted(f"{cookie.name}={cookie.value}" for cookie in jar)))
        is_circle = state in been
        been.add(state)
        hops.append(follows)
        if is_circle:
            return replace(came, hops=tuple(hops), outcome=CIRCLE, reason="The redirects go in a circle.")
        if len(hops) > MOST_HOPS:
            return replace(
                came, hops=tuple(hops), outcome=TOO_LONG, reason=f"More than {MOST_HOPS - 1} redirects."
            )


def is_nowhere(url: str, allowance: Allowance, *, seconds: float = SECONDS_A_READ) -> bool:
    """Whether nothing is where a form goes, by both questions that change nothing there: some answer one of
    them only where a form is sent. False where nobody answers, or nobody may ask."""
    until = time.monotonic() + seconds
    try:
        asked = (_get(url, allowance, until, CookieJar(), method=method) for method in ("OPTIONS", "GET"))
        return all(answer.status in GONE for answer in asked)
    except (NotAllowed, Unreachable):
        return False


def _get(url: str, allowance: Allowance, until: float, jar: CookieJar, *, method: str = "GET") -> _Answer:
    host, port, address = address_of(url, allowance)
    parts = urlsplit(url)
    connection = connect(parts.scheme, host, port, address, min(SECONDS_A_READ, left(until)))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"User-Agent": AGENT, "Accept": "text/html,*/*;q=0.5", "Connection": "close"}
    asked = Request(url)  # noqa: S310 - never opened: the jar reads it
    jar.add_cookie_header(asked)
    headers |= {"Cookie": told} if (told := asked.get_header("Cookie")) else {}
    try:
        connection.request(method, target, headers=headers)
        response = connection.getresponse()
        jar.extract_cookies(response, asked)
        return _Answer(
            response.status,
            response.headers.get("Location", ""),
            response.headers.get_content_type(),
            read(response, until, MOST_BYTES),
        )
    except http.client.InvalidURL as error:
        raise NotAllowed(f"The address cannot be asked for: {error}.") from error
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise Unreachable(f"{host} does not answer: {error or type(error).__name__}.") from error
    finally:
        connection.close()
