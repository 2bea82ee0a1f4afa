"""What is stored, as people read it."""

import pytest

from gtm.core.readable import readable


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        ("", "–"),
        ([], "–"),
        (False, "no"),
        (0, "0"),
        ("as it is", "as it is"),
        ({"amount": "100", "currency": "USD"}, "amount: 100; currency: USD"),
        (["gold", "silver"], "gold, silver"),
        ({"per_tier": [{"name": "gold"}, {"name": "silver"}]}, "per tier: ((name: gold), (name: silver))"),
    ],
)
def test_a_stored_value_is_told_in_words(value, words):
    assert readable(value) == words
