import pytest

from programs.analytics.fraud.table import Population
from programs.analytics.fraud.traffic import banned_source, paid_source, paid_traffic
from tests.programs.analytics.fraud.tables import fired, table


@pytest.mark.parametrize(
    ("query", "source"),
    [
        ("gclid=Cj0&gad_source=1", "google"),
        ("gad_source=1", "google"),
        ("fbclid=x", ""),  # of a friend's post as well
        ("utm_medium=paid_social&fbclid=x", "facebook"),
        ("gbraid=x", "google"),
        ("wbraid=x", "google"),
        ("utm_medium=cpc&utm_source=bing", "bing"),
        ("utm_medium=CPC", "a paid medium"),
        ("utm_medium=email", ""),
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


def weighed(*rows):
    honest = [{"landing_url": "https://x.example/"} for _ in range(200)]
    whole = table(*rows, *honest)
    found = paid_traffic(whole, Population.of(whole))
    return fired(found), found.weights.tolist()


@pytest.mark.parametrize("place", ["landing_url", "referer_url"])
def test_different_paid_clicks_of_one_referrer_weigh_in_full_wherever_they_stand(place):
    paid = [{"referrer_id": "ads", place: f"https://x.example/?gclid=Cj{n}"} for n in range(3)]
    assert weighed(*paid) == ([0, 1, 2], [4.5] * 3)


def test_a_link_copied_out_of_an_advertisement_is_one_click_however_often_it_is_used():
    copied = [{"referrer_id": "friend", "landing_url": "https://x.example/?gclid=Cj1"} for _ in range(5)]
    rows, weights = weighed(*copied)
    assert (rows, weights) == ([0, 1, 2, 3, 4], pytest.approx([0.15 * 4.5] * 5))


def test_banned_sources_by_name_and_by_host():
    rows = table(
        {"source": "Coupon Site"}, {"referer_url": "https://www.deals.example/x"}, {"source": "friend"}, {}
    )
    assert fired(banned_source(rows, ["coupon-site", "deals.example"])) == [0, 1]


def test_a_channel_that_the_program_does_not_allow():
    rows = table({"channel": "E-Mail"}, {"channel": "coupon"}, {})
    assert fired(banned_source(rows, [], ["email", "e-mail"])) == [1]
