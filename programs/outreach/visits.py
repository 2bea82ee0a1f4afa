"""Visits to web addresses on behalf of a program: only hosts it allows, and never by accident ourselves.

Against server-side request forgery (CWE-918): each hop's host must be on the allow-list; its addresses are
looked up once, must all be public, and the connection goes to exactly the one that was checked, so that a
name that answers differently a moment later changes nothing. Time, size and redirects are bounded.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from http.cookiejar import CookieJar
from urllib.parse import quote, urljoin, urlsplit
from urllib.request import Request

from programs.analytics.found_links import sent_on

AGENT = "GTM-Governance link check"
MOST_HOPS, MOST_BYTES, CHUNK = 10, 512 * 1024, 64 * 1024
SECONDS_A_READ, SECONDS_A_VISIT = 10.0, 30.0
OK = 200
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PORTS = {"http": 80, "https": 443}

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What may stand in a Location as it is; servers also send it unencoded.
_URL_CHARACTERS = "%/:=&?~#+!$,;'@()*[]-._"

ARRIVED, NOT_ALLOWED, CIRCLE, TOO_LONG, UNREACHABLE = (
    "arrived", "not-allowed", "circle", "too-long", "unreachable",
)  # fmt: skip


class Unreachable(Exception):
    """The host does not answer as the protocol asks; it may later."""


class NotAllowed(Exception):
    """The address must not be visited."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Who may be visited: host names, with ":port" where it is not the scheme's usual one.

    Those in ``private`` may stand on private or loopback addresses, which is for the administrator to say.
    """

    hosts: Collection[str]
    private: Collection[str] = ()


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


def address_of(url: str, allowance: Allowance) -> tuple[str, int, str]:
    """Host, port and the one IP address at which to visit it. Raises NotAllowed or Unreachable."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise NotAllowed(f"The address cannot be read: {error}.") from error
    if parts.scheme not in PORTS or not host or "@" in parts.netloc:
        raise NotAllowed("Only http and https addresses without credentials are visited.")
    usual = PORTS[parts.scheme]
    name = host if port in (None, usual) else f"{host}:{port}"
    if name not in allowance.hosts:
        raise NotAllowed(f"{name} is not among the hosts that may be visited.")
    try:
        found = socket.getaddrinfo(host, port or usual, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"{host} has no address: {error}.") from error
    addresses = [str(told[4][0]) for told in found]
    if name not in allowance.private and not all(map(is_public, addresses)):
        raise NotAllowed(f"{name} stands on an address that is not public.")
    return host, port or usual, addresses[0]


def is_public(address: str) -> bool:
    """Whether an IP address is anybody's on the internet, also behind the ways IPv6 wraps IPv4."""
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64 or ip.teredo or ip.sixtofour:
            return False
        ip = ip.ipv4_mapped or ip
    return ip.is_global and not ip.is_multicast


def _get(url: str, allowance: Allowance, until: float, jar: CookieJar) -> _Answer:
    host, port, address = address_of(url, allowance)
    parts = urlsplit(url)
    kind = _PinnedHTTPS if parts.scheme == "https" else _PinnedHTTP
    connection = kind(host, port, address, min(SECONDS_A_READ, _left(until)))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"User-Agent": AGENT, "Accept": "text/html,*/*;q=0.5", "Connection": "close"}
    asked = Request(url)  # noqa: S310 - never opened: the jar reads it
    jar.add_cookie_header(asked)
    headers |= {"Cookie": told} if (told := asked.get_header("Cookie")) else {}
    try:
        connection.request("GET", target, headers=headers)
        response = connection.getresponse()
        jar.extract_cookies(response, asked)
        return _Answer(
            response.status,
            response.headers.get("Location", ""),
            response.headers.get_content_type(),
            _read(response, until),
        )
    except http.client.InvalidURL as error:
        raise NotAllowed(f"The address cannot be asked for: {error}.") from error
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise Unreachable(f"{host} does not answer: {error or type(error).__name__}.") from error
    finally:
        connection.close()


def _read(response: http.client.HTTPResponse, until: float) -> bytes:
    """The body up to its limit; a server that trickles is left when time is up."""
    body = b""
    while len(body) < MOST_BYTES and (chunk := response.read1(CHUNK)):
        body += chunk
        _left(until)
    return body[:MOST_BYTES]


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise Unreachable("The visit took too long.")
    return left


class _PinnedHTTP(http.client.HTTPConnection):
    """A connection to the address that was checked, whatever the name says by now."""

    def __init__(self, host: str, port: int, address: str, timeout: float):
        super().__init__(host, port, timeout=timeout)
        self._address = address

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)


class _PinnedHTTPS(_PinnedHTTP):
    """The same with TLS: the certificate must be the host's, not the address's."""

    default_port = 443

    def connect(self) -> None:
        super().connect()
        self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
