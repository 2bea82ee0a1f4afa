from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.thresholds import (
    Alarm,
    Comparator,
    InvalidThresholds,
    ThresholdRule,
    evaluate_thresholds,
    parse_thresholds,
)

VOCABULARY = ("retention", "liability", "active_rate", "redemption-rate")
RETENTION = ThresholdRule("retention", Comparator.BELOW, Decimal("0.8"))


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(InvalidThresholds) as caught:
        parse_thresholds(text, VOCABULARY)
    return caught.value.problems


def test_the_documented_text_gives_its_two_rules():
    assert parse_thresholds("retention<0.8,liability>250000", VOCABULARY) == (
        RETENTION,
        ThresholdRule("liability", Comparator.ABOVE, Decimal(250000)),
    )


@pytest.mark.parametrize(
    "text, rule",
    [
        (" Retention <= 80 % ", ThresholdRule("retention", Comparator.AT_MOST, Decimal("0.8"))),
        ("Active Rate≥0.5", ThresholdRule("active_rate", Comparator.AT_LEAST, Decimal("0.5"))),
        ("redemption_rate>-1.25", ThresholdRule("redemption-rate", Comparator.ABOVE, Decimal("-1.25"))),
    ],
)
def test_spelling_spaces_and_percentages_are_understood(text, rule):
    assert parse_thresholds(text, VOCABULARY) == (rule,)


def test_all_problems_are_told_at_once_with_the_nearest_metric():
    found = problems("retntion<0.8,liability>lots,,active_rate,<3")
    assert len(found) == 5
    assert "“retntion” is no metric here; did you mean “retention”?" in found
    assert any("“lots” in “liability>lots” is no limit" in each for each in found)
    assert any("A threshold is empty" in each for each in found)
    assert any("“active_rate” is no threshold" in each for each in found)
    assert "A threshold names no metric." in found


def test_one_rule_may_have_two_problems():
    assert len(problems("retntion<abc")) == 2


def test_an_unknown_metric_near_to_none_lists_all():
    assert "active_rate, liability, redemption-rate, retention" in problems("xyz>1")[0]


def test_a_thousands_separator_is_explained():
    assert "no thousands separator" in problems("liability>250,000")[0]


@pytest.mark.parametrize(
    "limit", ["", "1e5", "nan", "inf", "1.2.3", "--1", "1234567890123", "0.1234567", "1.23456%", "٣", ">1"]
)
def test_what_is_no_plain_number_is_refused(limit):
    assert "is no limit" in problems(f"liability<{limit}")[0]


def test_two_limits_on_one_side_are_refused_and_a_band_is_not():
    assert "two limits on the same side" in problems("retention<0.8,retention<=0.7")[0]
    assert len(parse_thresholds("retention<0.8,retention>0.95", VOCABULARY)) == 2


@given(
    st.sampled_from(VOCABULARY),
    st.sampled_from(Comparator),
    st.decimals(-(10**12) + 1, 10**12 - 1, places=6, allow_nan=False),
)
def test_a_rule_reads_back_from_its_own_text(metric, comparator, limit):
    rule = ThresholdRule(metric, comparator, limit)
    assert parse_thresholds(str(rule), VOCABULARY) == (rule,)


@given(st.text(max_size=60))
def test_any_text_gives_rules_or_problems(text):
    try:
        outcome = parse_thresholds(text, VOCABULARY)
    except InvalidThresholds as error:
        outcome = error.problems
    assert outcome


def test_a_breach_carries_its_value_and_whether_the_interval_agrees():
    sure, unsure = Estimate(0.7, 0.65, 0.75), Estimate(0.78, 0.74, 0.82)
    assert evaluate_thresholds([RETENTION], {"retention": sure}).breaches == (
        Alarm(RETENTION, Decimal("0.7"), True),
    )
    assert evaluate_thresholds([RETENTION], {"retention": unsure}).breaches == (
        Alarm(RETENTION, Decimal("0.78"), False),
    )


def test_money_is_compared_exactly():
    rule = ThresholdRule("liability", Comparator.ABOVE, Decimal(250000))
    report = evaluate_thresholds([rule], {"liability": Decimal("250000.01")})
    assert report.breaches == (Alarm(rule, Decimal("250000.01"), None),)
    assert evaluate_thresholds([rule], {"liability": Decimal(250000)}).kept == (rule,)


@pytest.mark.parametrize("comparator, breached", [("<", 0), ("<=", 1), (">", 0), (">=", 1)])
def test_a_value_on_the_limit_follows_the_comparator(comparator, breached):
    rule = ThresholdRule("retention", Comparator(comparator), Decimal("0.8"))
    assert len(evaluate_thresholds([rule], {"retention": Estimate(0.8)}).breaches) == breached


@pytest.mark.parametrize(
    "values, reason",
    [
        ({}, "not measured"),
        ({"retention": Unavailable("No cohort is old enough.")}, "No cohort is old enough."),
        ({"retention": Estimate(float("nan"))}, "no finite value"),
    ],
)
def test_a_metric_without_a_value_neither_alarms_nor_clears(values, reason):
    report = evaluate_thresholds([RETENTION], values)
    assert (report.breaches, report.kept) == ((), ())
    assert reason in report.missing[0][1]
