"""What a page calls itself: itself, one of its family, or another page."""

import pytest

from programs.analytics.page_names import FAMILY, OTHER, SAME, kinship

HERE = "https://www.shop.example/fi/tuo/kaveri?utm_source=crm"


@pytest.mark.parametrize(
    ("canonical", "kin"),
    [
        ("https://shop.example/fi/tuo/kaveri/", SAME),
        ("http://www.shop.example/fi/tuo/kaveri/index.html", SAME),
        ("https://www.shop.example/amp/fi/tuo/kaveri", SAME),
        ("https://m.shop.example/fi/tuo/kaveri.html", SAME),
        ("https://www.shop.example/fi/tuo", FAMILY),
        ("https://www.shop.example/fi/tuo/kaveri/kesä", FAMILY),
        ("https://www.shop.example/", FAMILY),
        ("https://www.shop.example/en/tuo/kaveri", FAMILY),
        ("https://go.shop.example/fi/tuo/kaveri", FAMILY),
        ("https://www.shop.example/en/bring/friend", FAMILY),
        ("https://www.shop.example/fi/talvi", OTHER),
        ("https://go.shop.example/fi/talvi", OTHER),
        ("https://staging.other.example/fi/tuo/kaveri", OTHER),
    ],
)
def test_how_the_named_page_stands_to_the_one_that_was_opened(canonical, kin):
    assert kinship(canonical, HERE, ["https://www.shop.example/en/bring/friend"]) == kin


def test_two_shops_of_one_country_are_no_family():
    assert kinship("https://a.co.uk/join", "https://b.co.uk/join") == OTHER
