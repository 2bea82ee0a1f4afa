"""Calls to addresses outside: only hosts that somebody allowed, and never by accident ourselves.

Against server-side request forgery (CWE-918): the host must be on the allow-list; its addresses are looked up
once, must all be public, and the connection goes to exactly the one that was checked, so that a name that
answers differently a moment later changes nothing. Time and size are bounded.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

SECONDS_A_READ = 10.0
CHUNK = 64 * 1024
PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


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
class ServiceReply:
    """What a service answered to a POST; ``body`` is whole."""

    status: int
    media_type: str
    body: bytes
    retry_after: str = ""


def post(
    url: str,
    body: bytes,
    media_type: str,
    private: Collection[str] = (),
    *,
    most: int,
    seconds: float,
    headers: Mapping[str, str] = MappingProxyType({}),
    cuts_off: bool = False,
) -> ServiceReply:
    """Send ``body`` to an address that the operator set, and answer what comes back. Follows no redirect.

    ``most``: bytes of the answer; a longer one is Unreachable, unless ``cuts_off`` it. Raises NotAllowed or
    Unreachable.
    """
    until = time.monotonic() + seconds
    host, port, address = address_of(url, Allowance({host_of(url)}, private))
    parts = urlsplit(url)
    connection = connect(parts.scheme, host, port, address, min(SECONDS_A_READ, left(until)))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    told = {"Content-Type": media_type, "User-Agent": "GTM-Governance", "Connection": "close", **headers}
    try:
        connection.request("POST", target, body=body, headers=told)
        answer = connection.getresponse()
        found = read(answer, until, most if cuts_off else most + 1)
        if len(found) > most:
            raise Unreachable(f"{host} answers with more than {most:,} bytes.")
        retry_after = answer.headers.get("Retry-After", "")
        return ServiceReply(answer.status, answer.headers.get_content_type(), found, retry_after)
    except http.client.InvalidURL as error:
        raise NotAllowed(f"The address cannot be asked for: {error}.") from error
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise Unreachable(f"{host} does not answer: {error or type(error).__name__}.") from error
    finally:
        connection.close()


def host_of(url: str) -> str:
    """The host of an address as an allowance names it; "" where there is none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    return host if port in (None, PORTS.get(parts.scheme)) else f"{host}:{port}"


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


def connect(scheme: str, host: str, port: int, address: str, timeout: float) -> http.client.HTTPConnection:
    """A connection to the address that was checked."""
    kind = _PinnedHTTPS if scheme == "https" else _PinnedHTTP
    return kind(host, port, address, timeout)


def read(response: http.client.HTTPResponse, until: float, most: int) -> bytes:
    """The body up to its limit; a server that trickles is left when time is up."""
    body = b""
    while len(body) < most and (chunk := response.read1(CHUNK)):
        body += chunk
        left(until)
    return body[:most]


def left(until: float) -> float:
    """Seconds until then. Raises Unreachable where there are none."""
    remaining = until - time.monotonic()
    if remaining <= 0:
        raise Unreachable("The visit took too long.")
    return remaining


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
