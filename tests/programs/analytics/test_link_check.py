"""Link QA: every rule with a link that breaks it alone, and links that look odd but are right."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.estimate import Unavailable
from programs.analytics.link_check import (
    LinkReport,
    check_link,
    check_redirect,
    check_round_trip,
    code_in,
    tracking_accuracy,
)
from programs.analytics.tracking_links import tagged

VOCABULARY = {
    "utm_source": {"newsletter", "app"},
    "utm_medium": {"email", "in-app"},
    "utm_campaign": {"customer-advocates"},
}
GOOD = "https://example.com/join?utm_source=newsletter&utm_medium=email&utm_campaign=customer-advocates"


def rules(url):
    return [(finding.rule, finding.parameter) for finding in check_link(url, VOCABULARY).findings]


@pytest.mark.parametrize(
    "url",
    [
        GOOD,
        GOOD + "&utm_content=hero-2&ref=AB12",
        GOOD + "&order=20251210123456",
        GOOD + "#section-2",
        GOOD.replace("example.com", "example.com:8443"),
        GOOD.replace("https://example.com", "http://localhost:8000"),
        GOOD.replace("https://example.com", "http://[::1]:8000"),
    ],
)
def test_a_clean_link_passes_without_a_word(url):
    assert check_link(url, VOCABULARY) == LinkReport(url, ())


@pytest.mark.parametrize(
    ("url", "broken"),
    [
        ("/join", [("address", "")]),
        ("mailto:a@example.com", [("address", "")]),
        ("https://[::1/", [("address", "")]),
        (GOOD.replace("https", "http"), [("encryption", "")]),
        (GOOD.replace("https://example.com", "http://127.example.com"), [("encryption", "")]),
        (GOOD.replace("//", "//ada:secret@"), [("credentials", "")]),
        (GOOD.replace("join", "join us"), [("white-space", "")]),
        (GOOD + "&q=a%252Fb", [("encoded-twice", "")]),
        (GOOD + "&ref={{ code }}".replace(" ", ""), [("placeholder", "")]),
        (GOOD + "&ref=*|CODE|*", [("placeholder", "")]),
        (GOOD + "&ref=%7Bcode%7D", [("placeholder", "")]),
        (GOOD + "#utm_content=hero", [("fragment", "")]),
        (GOOD.replace("&utm_medium=email", ""), [("missing", "utm_medium")]),
        (GOOD.replace("=email", "=%20"), [("missing", "utm_medium"), ("white-space", "utm_medium")]),
        (GOOD.replace("=email", "=Email"), [("lower-case", "utm_medium")]),
        (GOOD.replace("utm_medium", "UTM_Medium"), [("lower-case", "UTM_Medium")]),
        (GOOD.replace("=email", "=mail"), [("vocabulary", "utm_medium")]),
        (GOOD + "&utm_source=app", [("conflict", "utm_source")]),
        (GOOD + "&utm_source=newsletter", [("duplicate", "utm_source")]),
        (GOOD + "&gclid=Cj0K", [("click-id", "gclid")]),
        (GOOD + "&who=ada%40example.com", [("personal-data", "who")]),
        (GOOD + "&who=ada+launch@example.com", [("personal-data", "who")]),
        (GOOD + "&who=+436641234567", [("personal-data", "who")]),
        (GOOD + "&who=555-867-5309", [("personal-data", "who")]),
        (GOOD + "&customer_email=x", [("personal-data", "customer_email")]),
        (GOOD.replace("join", "u/ada@example.com"), [("personal-data", "")]),
    ],
)
def test_each_rule_finds_its_link_and_nothing_else(url, broken):
    assert rules(url) == broken


def test_everything_wrong_is_told_at_once():
    url = "http://example.com/?utm_source=News&utm_source=app&utm_medium=emial&mail=a@b.co"
    assert rules(url) == [
        ("encryption", ""),
        ("missing", "utm_campaign"),
        ("lower-case", "utm_source"),
        ("vocabulary", "utm_source"),
        ("vocabulary", "utm_medium"),
        ("conflict", "utm_source"),
        ("personal-data", "mail"),
    ]


def test_a_slip_of_the_pen_is_named():
    finding = check_link(GOOD.replace("newsletter", "newsleter"), VOCABULARY).findings[0]
    assert finding.message == "utm_source=newsleter is not in the vocabulary. Did you mean newsletter?"


def test_a_duplicate_is_a_warning_and_passes():
    assert check_link(GOOD + "&utm_source=newsletter", VOCABULARY).passed
    assert not check_link(GOOD + "&utm_source=app", VOCABULARY).passed


@given(st.sampled_from(["https://example.com/", "https://example.com/a?b=c#d"]), st.data())
def test_links_tagged_from_the_vocabulary_pass(destination, data):
    tags = {name: data.draw(st.sampled_from(sorted(allowed))) for name, allowed in VOCABULARY.items()}
    assert check_link(tagged(destination, tags), VOCABULARY).findings == ()


@given(st.text(max_size=60))
def test_any_text_gets_an_answer(text):
    assert check_link(text, VOCABULARY).url == text


# ------------------------------------------------------------------ redirects


def found(*hops):
    return [(finding.rule, finding.parameter) for finding in check_redirect(hops)]


def test_a_redirect_that_keeps_the_query_is_clean():
    assert (
        found(
            GOOD, GOOD.replace("example.com", "www.example.com"), GOOD.replace("join", "en/join") + "&lang=en"
        )
        == []
    )


def test_a_lost_parameter_is_reported_at_the_hop_that_lost_it():
    lost = "https://www.example.com/join?utm_source=newsletter&utm_campaign=customer-advocates"
    (finding,) = check_redirect([GOOD, GOOD + "&lang=en", lost, lost])[:1]
    assert (finding.rule, finding.parameter) == ("redirect-lost", "utm_medium")
    assert finding.message == "utm_medium is lost on the way to www.example.com/join."


def test_a_changed_and_a_doubled_parameter_are_told_apart():
    assert found(GOOD, GOOD.replace("=email", "=Email")) == [("redirect-changed", "utm_medium")]
    assert found(GOOD, GOOD + "&utm_medium=email") == [("redirect-doubled", "utm_medium")]


def test_another_order_and_encoding_of_the_query_is_the_same_query():
    assert found("https://a.example/?x=1&y=a%20b", "https://a.example/new?y=a+b&x=1") == []


def test_redirects_that_lose_encryption_run_long_or_in_a_circle_are_found():
    plain = GOOD.replace("https", "http")
    assert found(GOOD, plain) == [("redirect-unencrypted", "")]
    assert found(GOOD, GOOD) == [("redirect-circle", "")]
    assert found(GOOD, *(f"{GOOD}&n={n}" for n in range(4))) == [("redirect-long", "")]


def test_a_counter_of_clicks_on_another_host_hands_on_the_tags_of_the_link_it_was_given():
    there = GOOD + "&ref=ada"
    clicks = f"https://clicks.example/c?id=9&u={quote(there, safe='')}"
    assert found(clicks, there) == []
    assert found(clicks, "https://clicks.example/hop", there) == []
    assert found(clicks, GOOD.partition("?")[0])[0] == ("redirect-lost", "utm_source")
    codes = check_redirect([clicks, GOOD], code_parameter="ref")
    assert [(fault.rule, fault.parameter) for fault in codes] == [("redirect-lost", "ref")]


def test_no_hops_are_refused():
    with pytest.raises(ValueError, match="at least the requested address"):
        check_redirect([])


# ------------------------------------------------------------------ referral codes


def test_a_code_that_comes_through_is_clean():
    link = GOOD + "&ref=AB12"
    assert (
        check_round_trip("AB12", {"link": code_in(link, "ref"), "form": "AB12", "stored referral": "AB12"})
        == ()
    )


def test_only_the_first_place_that_spoils_the_code_is_reported():
    (finding,) = check_round_trip("AB12", {"link": "AB12", "landing page": "AB1", "form": None})
    assert finding.message == "The referral code AB12 reaches the landing page as AB1."


def test_capitals_of_a_code_are_for_a_person_to_judge_and_hide_nothing():
    (finding,) = check_round_trip("AB12", {"link": "AB12", "landing page": "ab12", "form": "ab12"})
    said = (
        "The referral code AB12 reaches the landing page as ab12: confirm that capitals make no difference."
    )
    assert (finding.severity, finding.message) == ("warning", said)
    (finding,) = check_round_trip("AB12", {"landing page": "ab12", "form": None})
    assert (finding.severity, finding.parameter) == ("error", "form")


def test_a_code_that_does_not_arrive_is_reported():
    (finding,) = check_round_trip("AB12", {"link": code_in(GOOD, "ref")})
    assert finding.message == "The referral code AB12 does not reach the link."


def test_accuracy_counts_links_that_were_followed_and_pass():
    bad, far = GOOD + "&gclid=x", GOOD + "&utm_content=far"
    reports = [check_link(url, VOCABULARY) for url in (GOOD, bad, far, GOOD)]
    accuracy = tracking_accuracy(reports, {GOOD, bad})
    assert (accuracy.value, accuracy.numerator, accuracy.denominator) == (0.5, 2, 4)
    assert tracking_accuracy([], ()) == Unavailable("No link was checked.")


def test_links_that_nobody_followed_prove_nothing():
    accuracy = tracking_accuracy([check_link(GOOD, VOCABULARY)], ())
    assert accuracy == Unavailable("No link was followed to its end, so nothing is proven of any.")
