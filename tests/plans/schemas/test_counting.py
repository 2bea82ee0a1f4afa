"""Counters of breaches: m of n, clearing, missing periods."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.schemas.counting import BETWEEN, BREACHED, GOOD, MISSING, RuleCount, count_breaches, verdict
from plans.schemas.declaration import Trigger

LETTERS = {"b": BREACHED, "g": GOOD, "~": BETWEEN, "-": MISSING}


def stand(text, **rule):
    return count_breaches(Trigger("roi", "ROI", **rule), [LETTERS[letter] for letter in text])


@pytest.mark.parametrize(
    ("comparator", "below", "at", "above"),
    [
        ("<", BREACHED, GOOD, GOOD),
        ("<=", BREACHED, BREACHED, GOOD),
        (">", GOOD, GOOD, BREACHED),
        (">=", GOOD, BREACHED, BREACHED),
    ],
)
def test_a_value_is_held_against_the_limit(comparator, below, at, above):
    rule = Trigger("roi", "ROI", comparator=comparator, limit="0.8")
    assert [verdict(rule, value) for value in (0.7, "0.8", Decimal("0.9"))] == [below, at, above]


def test_between_limit_and_clear_limit_is_neither_and_nothing_is_missing():
    rule = Trigger("roi", "ROI", comparator="<", limit="0.8", clear_limit="0.85")
    assert [verdict(rule, v) for v in (0.79, 0.8, 0.849, 0.85, None)] == [
        BREACHED,
        BETWEEN,
        BETWEEN,
        GOOD,
        MISSING,
    ]
    assert verdict(replace(rule, clear_limit=""), 0.81) == GOOD


@pytest.mark.parametrize(
    ("text", "rule", "counted", "enough"),
    [
        ("", {}, (), False),
        ("b", {}, (0,), False),
        ("bb", {}, (0, 1), True),
        ("bgb", {}, (2,), False),
        ("b-b", {}, (0, 2), True),
        ("b~b", {}, (0, 2), True),
        ("b~~b", {"of": 3}, (3,), False),
        ("b~b", {"of": 3}, (0, 2), True),
        ("bgb", {"clear_after": 2}, (0, 2), True),
        ("bggb", {"clear_after": 2}, (3,), False),
        ("bgbgb", {"clear_after": 2, "of": 3}, (2, 4), True),
        ("bg~gb", {"clear_after": 2}, (0, 4), True),
        ("bg-gb", {"clear_after": 2}, (4,), False),
        ("b-b", {"of": 2}, (0, 2), True),
        ("b", {"breaches": 1}, (0,), True),
        ("bb", {"breaches": 3}, (0, 1), False),
    ],
)
def test_the_counter_after(text, rule, counted, enough):
    found = stand(text, **rule)
    assert (found.counted, found.is_enough) == (counted, enough)


@pytest.mark.parametrize(
    ("text", "rule", "missing", "silent"),
    [
        ("-", {}, 1, False),
        ("--", {}, 2, True),
        ("-b-", {}, 1, False),
        ("b---", {"missing_after": 4}, 3, False),
        ("----", {"missing_after": 0}, 4, False),
        ("--b", {}, 0, False),
        ("-", {"missing_after": 1}, 1, True),
    ],
)
def test_missing_periods_in_a_row(text, rule, missing, silent):
    found = stand(text, **rule)
    assert (found.missing, found.is_silent) == (missing, silent)


def test_nothing_read_is_nothing_counted():
    assert count_breaches(Trigger("roi", "ROI"), []) == RuleCount((), False, 0, False)


@given(st.text("bg~"), st.data())
def test_a_missing_period_neither_counts_nor_resets(text, data):
    place = data.draw(st.integers(0, len(text)))
    with_gap = text[:place] + "-" + text[place:]
    assert len(stand(text).counted) == len(stand(with_gap).counted)
