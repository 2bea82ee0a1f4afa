"""Tracking links: tags arrive as they were given, whatever the destination carries."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.tracking_links import tagged

TAGS = {"utm_source": "newsletter", "utm_medium": "email", "utm_campaign": "customer-advocates"}
values = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


def test_tags_follow_what_stands_in_the_query_and_the_fragment_stays_last():
    assert tagged("https://example.com/join?plan=pro#top", TAGS) == (
        "https://example.com/join?plan=pro"
        "&utm_campaign=customer-advocates&utm_medium=email&utm_source=newsletter#top"
    )


def test_tagging_twice_is_tagging_once():
    once = tagged("https://example.com/", TAGS)
    assert tagged(once, TAGS) == once


@given(st.dictionaries(st.sampled_from(["utm_source", "utm_medium", "utm_content", "ref"]), values))
def test_every_value_arrives(tags):
    query = urlsplit(tagged("https://example.com/join", tags)).query
    assert parse_qs(query, keep_blank_values=True) == {name: [value] for name, value in tags.items()}


@pytest.mark.parametrize(
    ("destination", "tags", "sentence"),
    [
        ("/join", TAGS, "/join is no absolute web address."),
        ("javascript:alert(1)", TAGS, "javascript:alert.1. is no absolute web address."),
        ("https://example.com/", {"utm_source": ""}, "utm_source is empty."),
        ("https://example.com/?UTM_Source=x", TAGS, "has utm_source=x already, not newsletter."),
    ],
)
def test_what_would_not_track_is_refused(destination, tags, sentence):
    with pytest.raises(ValueError, match=sentence):
        tagged(destination, tags)
