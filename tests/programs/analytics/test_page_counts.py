"""What counts a view of a page: forms, lines, JSON and base64, as counters that people use send them."""

import base64
import json

import pytest

from programs.analytics.page_counts import is_heard, is_known, page_views

GOOGLE, PLAUSIBLE = "https://www.google-analytics.com/g/collect?tid=G-1", "https://plausible.io/api/event"
MIXPANEL, UMAMI = "https://api-js.mixpanel.com/track", "https://cloud.umami.is/api/send"
SEGMENT, MATOMO = "https://api.segment.io/v1/p", "https://stats.example/matomo.php?idsite=1"
VIEW = {"event": "$mp_web_page_view", "properties": {"token": "t"}}


def umami(**more):
    return json.dumps({"type": "event", "payload": {"website": "w", **more}})


@pytest.mark.parametrize(
    ("address", "body", "views"),
    [
        (f"{GOOGLE}&en=page_view", "", 1),
        (f"{GOOGLE}&en=scroll", "", 0),
        (GOOGLE, "en=page_view&_et=1\r\nen=page_view&_et=2\r\nen=scroll", 2),
        (PLAUSIBLE, '{"n": "pageview", "d": "x"}', 1),
        (PLAUSIBLE, '{"n": "engagement", "d": "x"}', 0),
        (PLAUSIBLE, '{"n": "pageview", "d": ', 0),
        (UMAMI, umami(), 1),
        (UMAMI, umami(name="cta-seen"), 0),
        (MIXPANEL, f"data={json.dumps([VIEW, VIEW | {'event': 'Scrolled'}])}", 1),
        (MIXPANEL, f"data={base64.b64encode(json.dumps(VIEW).encode()).decode()}", 1),
        (SEGMENT, '{"type": "page", "name": "Home"}', 1),
        (MATOMO, "", 1),
        (f"{MATOMO}&ping=1", "", 0),
        (f"{MATOMO}&e_c=video&e_a=play", "", 0),
        ("https://shop.example/api/event", '{"n": "pageview"}', 0),
    ],
)
def test_only_views_of_pages_count(address, body, views):
    assert len(list(page_views([(address, body)]))) == views


def test_the_program_s_own_counter_is_heard_whatever_it_says():
    own = ["stats.example/hit"]
    hits = [("https://stats.example/hit?x=1", '{"event": "odd"}')]
    assert (list(page_views(hits, own)), is_heard(hits, own)) == ([], True)
    assert not is_heard([("https://other.example/hit", "")], own)
    assert (is_known("www.google-analytics.com", "/g/collect"), is_known("shop.example", "/")) == (
        True,
        False,
    )


META, BING = "https://www.facebook.com/tr/?id=", "https://bat.bing.com/action/0?ti=5&evt="
PIXELS = ["www.facebook.com/tr", "bat.bing.com/action"]


@pytest.mark.parametrize(
    ("hits", "whose"),
    [
        ([f"{META}7&ev=PageView", f"{META}7&ev=ViewContent"], ["7"]),
        ([f"{META}7&ev=PageView", f"{META}8&ev=PageView"], ["7", "8"]),
        ([f"{META}7&ev=PageView", f"{META}7&ev=PageView"], ["7", "7"]),
        ([f"{BING}pageLoad", f"{BING}custom"], ["5"]),
        ([f"{BING}pageLoad", "https://bat.bing.com/action/0?ti=5&ea=x"], ["5"]),
    ],
)
def test_pixels_name_their_events_and_two_of_them_are_two(hits, whose):
    assert [view.id for view in page_views([(hit, "") for hit in hits], PIXELS)] == whose
