"""Visits: what was met is told, and nothing but the allowed hosts is ever asked."""

import socket
import time

import pytest

from gtm.core.places.outside import Allowance, is_public
from programs.outreach.visits import (
    ARRIVED,
    CIRCLE,
    MOST_BYTES,
    NOT_ALLOWED,
    TOO_LONG,
    UNREACHABLE,
    visit,
)
from tests.landing_site import landing_site
from tests.visitor_site import visitor_site


@pytest.fixture
def site():
    with landing_site() as server:
        yield server


@pytest.fixture
def go(site):
    """Visit a path of the site, which is allowed and may be private."""
    allowance = Allowance({site.host}, {site.host})
    return lambda path, **rest: visit(f"http://{site.host}{path}", allowance, **rest)


def test_a_redirect_is_followed_and_every_hop_told(go, site):
    came = go("/keeps?a=1&b=%20x")
    assert came.hops == (f"http://{site.host}/keeps?a=1&b=%20x", f"http://{site.host}/join?a=1&b=%20x")
    assert (came.outcome, came.status, came.media_type) == (ARRIVED, 200, "text/html")
    assert "<form>" in came.text


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/broken", 503)])
def test_an_answer_that_is_no_page_is_an_arrival_with_its_status(go, path, status):
    assert (go(path).outcome, go(path).status) == (ARRIVED, status)


def test_circles_and_endless_ways_end(go):
    assert (go("/loop").outcome, len(go("/loop").hops)) == (CIRCLE, 3)
    assert (go("/endless").outcome, len(go("/endless").hops)) == (TOO_LONG, 11)


def test_a_wall_that_sets_a_cookie_and_sends_back_is_no_circle():
    with visitor_site() as other:
        came = visit(f"http://{other.host}/wall-of-cookies?a=1", Allowance({other.host}, {other.host}))
    assert (came.outcome, came.status, len(came.hops)) == (ARRIVED, 200, 3)
    assert came.hops[0] == came.hops[-1]


@pytest.mark.parametrize(("path", "hops"), [("/meta-keeps", 2), ("/meta-reloads", 1)])
def test_a_page_that_sends_on_by_itself_is_followed_and_one_that_loads_anew_is_not(path, hops):
    with visitor_site() as other:
        came = visit(f"http://{other.host}{path}?a=1", Allowance({other.host}, {other.host}))
    assert (came.outcome, len(came.hops), came.hops[-1].endswith("?a=1")) == (ARRIVED, hops, True)


def test_a_location_that_is_not_encoded_is_read_as_the_server_meant_it(go, site):
    came = go("/unencoded?a=1")
    assert (came.outcome, came.status) == (ARRIVED, 200)
    assert site.asked[-1] == "/join/gr%C3%B6%C3%9Fe?a=1"


@pytest.mark.parametrize("path", ["/away", "/inside"])
def test_a_redirect_off_the_list_is_not_followed(go, site, path):
    came = go(path)
    assert came.outcome == NOT_ALLOWED
    assert len(came.hops) == 2
    assert "is not among the hosts" in came.reason
    assert site.asked == [path]


@pytest.mark.parametrize(
    "url",
    [
        "http://user:pass@{host}/join",
        "ftp://{host}/join",
        "file:///etc/passwd",
        "http:///join",
        "http://[::1/",
        "http://{host}:99999999/",
        "http://localhost:{port}/join",
        "http://127.0.0.1/join",
        "http://2130706433:{port}/join",
        "http://{host}/a\r\nX: y",
    ],
)
def test_what_must_not_be_visited_is_not_asked(site, url):
    allowance = Allowance({site.host}, {site.host})
    came = visit(url.format(host=site.host, port=site.server_port), allowance)
    assert (came.outcome, site.asked) == (NOT_ALLOWED, [])


def test_a_host_on_the_list_that_stands_on_a_private_address_is_not_asked(site):
    came = visit(f"http://{site.host}/join", Allowance({site.host}))
    assert (came.outcome, site.asked) == (NOT_ALLOWED, [])
    assert "not public" in came.reason


def test_a_name_with_one_private_address_among_public_ones_is_refused(monkeypatch):
    answers = [(socket.AF_INET, 1, 6, "", (ip, 80)) for ip in ("93.184.215.14", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    assert visit("http://a.example/", Allowance({"a.example"})).outcome == NOT_ALLOWED


def test_the_connection_goes_to_the_address_that_was_checked_whatever_the_name_says_next(site, monkeypatch):
    """DNS rebinding: the second answer would be another one."""
    port = site.server_port
    answers = iter([[(socket.AF_INET, 1, 6, "", ("127.0.0.1", port))]])
    monkeypatch.setattr("gtm.core.places.outside.socket.getaddrinfo", lambda *_, **__: next(answers))
    name = f"a.example:{port}"
    asked = []
    monkeypatch.setattr(
        "gtm.core.places.outside.socket.create_connection",
        lambda where, timeout: asked.append(where) or _connected(where, timeout),
    )
    assert visit(f"http://{name}/join", Allowance({name}, {name})).status == 200
    assert asked == [("127.0.0.1", port)]


def _connected(where, timeout):
    """A socket to a literal address: the resolver, which has nothing left to say, is not asked."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.settimeout(timeout)
    found.connect(where)
    return found


def test_a_name_without_an_address_and_a_closed_port_are_unreachable(site):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
        assert visit(f"http://{host}/", Allowance({host}, {host})).outcome == UNREACHABLE
    nowhere = visit("https://nowhere.invalid/", Allowance({"nowhere.invalid"}))
    assert (nowhere.outcome, "nowhere.invalid has no address" in nowhere.reason) == (UNREACHABLE, True)


def test_a_server_that_speaks_no_tls_is_unreachable_over_https(site):
    came = visit(f"https://{site.host}/join", Allowance({site.host}, {site.host}))
    assert (came.outcome, site.asked) == (UNREACHABLE, [])


def test_a_body_is_read_to_its_bound_and_a_trickle_to_its_time(go):
    assert len(go("/large").body) == MOST_BYTES
    began = time.monotonic()
    came = go("/trickle", seconds=0.5)
    assert (came.outcome, came.reason) == (UNREACHABLE, "The visit took too long.")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("::ffff:93.184.215.14", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("2001:0:53aa:64c:0:1:80ff:fffe", False),
    ],
)
def test_public_is_what_anybody_on_the_internet_may_reach(address, public):
    assert is_public(address) is public
