"""Rules on pages that a browser has seen: what is counted twice, where, and what was not seen."""

import pytest

from programs.analytics.link_check import ERROR, UNPROVEN, WARNING
from programs.analytics.page_check import PageSeen, check_page

LINK = "https://shop.example/join?utm_source=crm&utm_medium=email&utm_campaign=spring"
GOOGLE = "https://www.google-analytics.com/g/collect?v=2&tid=G-1&en=page_view"
OURS = "https://stats.shop.example/g/collect?v=2&tid=G-1&en=page_view"
HERE, STEP = (
    "&dl=https%3A%2F%2Fshop.example%2Fjoin%3Futm_source%3Dcrm%26utm_medium%3Demail%26utm_campaign%3Dspring",
    "%26a%3D1",
)
OTHER = HERE.replace("%2Fjoin", "%2Fjoin%2Fstep-2")


def found(*hits, **seen):
    page = PageSeen(
        seen.pop("url", LINK), seen.pop("status", 200), (LINK,), hits=[(hit, "") for hit in hits], **seen
    )
    faults = check_page(
        LINK, page, code_parameter="ref", collectors=["www.google-analytics.com/g/collect"], is_landing=True
    )
    return [(fault.rule, fault.severity) for fault in faults]


@pytest.mark.parametrize(
    ("hits", "faults"),
    [
        ([GOOGLE + HERE], []),
        ([GOOGLE + HERE, GOOGLE + OTHER], []),
        ([GOOGLE + HERE, GOOGLE + HERE], [("counted-twice", ERROR)]),
        ([GOOGLE + HERE, GOOGLE.replace("www", "region1") + HERE], [("counted-twice", ERROR)]),
        ([GOOGLE + HERE, GOOGLE + HERE + STEP], [("counted-twice", WARNING)]),
        ([GOOGLE + HERE, OURS + HERE], [("counted-twice", WARNING)]),
        ([GOOGLE + HERE, GOOGLE.replace("G-1", "G-2") + HERE], []),
        ([GOOGLE + "&dl=https%3A%2F%2Fshop.example%2Fjoin"], [("counted-untagged", UNPROVEN)]),
        ([GOOGLE.replace("page_view", "user_engagement")], [("not-counted", UNPROVEN)]),
        ([], [("not-counted", ERROR)]),
    ],
)  # fmt: skip
def test_a_view_is_counted_by_account_and_address(hits, faults):
    assert found(*hits) == faults


def test_a_view_told_without_cookies_and_then_with_them_is_for_a_person_to_judge():
    assert found(GOOGLE + HERE, GOOGLE + HERE, before_consent=1) == [("counted-twice", WARNING)]
    assert found(GOOGLE + HERE, GOOGLE + HERE, before_consent=2) == [("counted-twice", ERROR)]


@pytest.mark.parametrize(("first", "severity"), [("G100", WARNING), ("G111", UNPROVEN)])
def test_a_view_that_says_twice_that_consent_was_given_is_not_proven(first, severity):
    hits = [f"{GOOGLE}&gcs={gcs}{HERE}" for gcs in (first, "G111")]
    assert found(*hits, before_consent=1) == [("counted-twice", severity)]


def test_a_view_counted_again_once_the_tags_are_gone_is_not_proven():
    bare = GOOGLE + "&dl=https%3A%2F%2Fshop.example%2Fjoin"
    assert found(GOOGLE + HERE, bare) == [("counted-twice", UNPROVEN)]


def test_a_server_of_the_site_s_own_counts_for_google():
    assert found(OURS + HERE) == []


@pytest.mark.parametrize(
    ("seen", "rule"),
    [
        ({"status": 403}, "turned-away"),
        ({"status": 451}, "turned-away"),
        ({"status": 429}, "too-many"),
        ({"url": "https://id.example/login?next=%2Fjoin", "password": True}, "signs-in"),
        ({"blank": True}, "blank"),
        ({"covered": True}, "covered"),
        ({"forms": False}, "no-form"),
        ({"heading": "shop.example", "forms": False}, "parked"),
    ],
)
def test_what_was_not_seen_is_not_proven_and_stops_nothing(seen, rule):
    assert found(GOOGLE + HERE, **seen) == [(rule, UNPROVEN)]


def test_a_page_that_is_not_counted_while_scripts_are_kept_out_names_their_hosts_and_where_they_go():
    assert found(kept_out=("www.googletagmanager.com",)) == [("not-counted", UNPROVEN)]
    page = PageSeen(
        LINK, 200, (LINK,), kept_out=("www.googletagmanager.com", "a.example", "b.example", "c.example")
    )
    (fault,) = check_page(LINK, page, code_parameter="ref", collectors=["www.google-analytics.com/g/collect"])
    assert fault.message == (
        "The view is not counted: nothing went to www.google-analytics.com/g/collect. Scripts of "
        "www.googletagmanager.com, a.example, b.example and 1 more were kept out of shop.example/join, "
        "which may count it. Add them to the allowed hosts of the launch profile, or confirm by hand."
    )


@pytest.mark.parametrize(("to", "severity"), [("", WARNING), ("staging.", UNPROVEN)])
def test_a_site_for_trials_is_told_and_not_proven_where_another_leads_to_it(to, severity):
    url = LINK.replace("shop", "staging.shop")
    link = url if not to else LINK
    page = PageSeen(url, 200, (link, url))
    faults = check_page(link, page, code_parameter="ref")
    assert [(fault.rule, fault.severity) for fault in faults] == [("trial-site", severity)]


LONG = "A page that is gone costs visitors, and here is how to find such links and mend them. " * 4


@pytest.mark.parametrize(
    ("seen", "severity"),
    [
        ({"heading": "How to fix the error 404 on your site", "text": LONG}, WARNING),
        ({"heading": "Error 404: the page is lost", "text": "Go to the home page."}, ERROR),
        ({"heading": "Page not found", "text": LONG}, ERROR),
        ({"heading": "Diese Seite gibt es leider nicht mehr"}, ERROR),
        ({"heading": "Esta promoción ha finalizado"}, ERROR),
        ({"url": LINK.replace("/join", "/en/")}, UNPROVEN),
        ({"url": LINK.replace("/join", "/")}, ERROR),
    ],
)
def test_a_page_about_404_is_there_and_a_home_page_is_none_that_was_asked_for(seen, severity):
    assert found(GOOGLE + HERE, **seen) == [("soft-404", severity)]


def test_a_home_page_that_the_launch_links_to_may_be_meant():
    home = LINK.replace("/join", "/")
    page = PageSeen(home, 200, (LINK, home))
    (fault,) = check_page(LINK, page, code_parameter="ref", ours=["https://shop.example/"])
    assert (fault.rule, fault.severity) == ("soft-404", UNPROVEN)


def test_a_home_page_with_the_field_of_the_code_is_the_page():
    assert found(GOOGLE + HERE, url=LINK.replace("/join", "/en/"), field="") == []
