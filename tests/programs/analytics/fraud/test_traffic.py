import pytest

from programs.analytics.fraud.traffic import banned_source, paid_source, paid_traffic
from tests.programs.analytics.fraud.tables import fired, table


@pytest.mark.parametrize(
    ("query", "source"),
    [
        ("gclid=Cj0&gad_source=1", "google"),
        ("gad_source=1", "google"),
        ("fbclid=x", "facebook"),
        ("twclid=x", "twitter"),
        ("msclkid=x", "microsoft"),
        ("li_fat_id=x", "linkedin"),
        ("rdclid=x", "reddit"),
        ("ttclid=x", "tiktok"),
        ("utm_source=google", ""),
        ("q=gclid", ""),
    ],
)
def test_a_click_id_names_the_advertiser(query, source):
    assert paid_source(f"https://shop.example/?{query}") == source


def test_an_unreadable_link_shows_nothing():
    assert paid_source("https://[broken?gclid=1") == ""


def test_a_referer_link_weighs_three_times_a_landing_link():
    paid = "https://x.example/?gclid=1"
    found = paid_traffic(table({"referer_url": paid}, {"landing_url": paid}, {"referer_url": "https://x.y/"}))
    assert (fired(found), found.weights.tolist()) == ([0, 1], [4.5, 1.5])


def test_banned_sources_by_name_and_by_host():
    rows = table(
        {"source": "Coupon Site"}, {"referer_url": "https://www.deals.example/x"}, {"source": "friend"}, {}
    )
    assert fired(banned_source(rows, ["coupon-site", "deals.example"])) == [0, 1]
