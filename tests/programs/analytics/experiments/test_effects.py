import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from programs.analytics.estimate import Unavailable
from programs.analytics.experiments import (
    Arm,
    PrePeriod,
    adjust_with_pre_period,
    bayesian_lift,
    check_sample_ratio,
    compare_means,
    compare_proportions,
    relative_lift,
    sequential_lift,
)
from programs.analytics.rates import ratio_of_sums

CONTROL = Arm.of_sums(3407, 1396.87, 52377.9767)
TREATMENT = Arm.of_sums(3461, 2422.7, 134698.29)
arms = st.builds(Arm, st.integers(2, 10**6), st.floats(0.01, 1e4), st.floats(1e-3, 1e6))


def sums(y: np.ndarray, x: np.ndarray) -> PrePeriod:
    return PrePeriod(y.size, y.sum(), (y * y).sum(), x.sum(), (x * x).sum(), (x * y).sum())


def test_relative_lift_of_the_published_sums():
    found = relative_lift(CONTROL, TREATMENT)
    assert round(found.effect.value, 5) == 0.70732
    assert (round(found.effect.low, 5), round(found.effect.high, 5)) == (-0.03526, 1.44989)
    assert round(found.p_value, 5) == 0.06191


def test_relative_lift_of_the_published_proportions():
    assert round(relative_lift(Arm.of_proportion(14, 28), Arm.of_proportion(16, 30)).p_value, 5) == 0.80707


def test_sequential_interval_of_the_published_sums():
    found = sequential_lift(Arm.of_sums(3000, 1396.87, 52377.9767), TREATMENT, tuning=1000)
    assert (round(found.effect.low, 5), round(found.effect.high, 5)) == (-0.55844, 1.56516)
    assert found.p_value == 1


def test_chance_to_win_of_the_published_proportions():
    found = bayesian_lift(Arm.of_proportion(49, 100), Arm.of_proportion(51, 100))
    assert round(found.chance_to_win, 5) == 0.60918


def test_welch_agrees_with_scipy_on_raw_data():
    generator = np.random.default_rng(5)
    a, b = generator.normal(10, 2, 40), generator.normal(11, 5, 25)
    oracle = ttest_ind(b, a, equal_var=False)
    found = compare_means(*(Arm.of_sums(v.size, v.sum(), (v * v).sum()) for v in (a, b)))
    assert found.p_value == pytest.approx(oracle.pvalue)
    assert (found.effect.low, found.effect.high) == pytest.approx(tuple(oracle.confidence_interval()))


def test_difference_of_proportions_is_pooled_and_refuses_means():
    found = compare_proportions(Arm.of_proportion(14, 28), Arm.of_proportion(16, 30))
    assert found.effect.value == pytest.approx(16 / 30 - 0.5)
    assert found.p_value == pytest.approx(0.79960, abs=1e-5)  # R prop.test(c(14,16), c(28,30), correct=FALSE)
    with pytest.raises(ValueError, match="proportions"):
        compare_proportions(CONTROL, TREATMENT)


@given(arms, arms)
def test_swapping_the_arms_turns_the_difference_round(control, treatment):
    forth, back = compare_means(control, treatment), compare_means(treatment, control)
    assert forth.p_value == pytest.approx(back.p_value)
    assert forth.effect.low == pytest.approx(-back.effect.high)


@given(arms, arms, st.floats(0.01, 100))
def test_lift_does_not_depend_on_the_unit_of_the_metric(control, treatment, factor):
    scaled = [Arm(arm.members, arm.mean * factor, arm.variance * factor**2) for arm in (control, treatment)]
    assert relative_lift(*scaled).p_value == pytest.approx(relative_lift(control, treatment).p_value)


@given(arms, arms, st.floats(10, 1e6))
def test_sequential_interval_excludes_zero_exactly_when_its_p_is_below_alpha(control, treatment, tuning):
    found = sequential_lift(control, treatment, tuning=tuning)
    assert (found.p_value < 0.05) == (found.effect.low > 0 or found.effect.high < 0)


@given(arms, arms, st.floats(10, 1e6))
def test_sequential_interval_is_wider_than_the_fixed_one_of_a_large_sample(control, treatment, tuning):
    large = [Arm(arm.members + 1000, arm.mean, arm.variance) for arm in (control, treatment)]
    fixed, valid = relative_lift(*large), sequential_lift(*large, tuning=tuning)
    assert valid.effect.high - valid.effect.low > fixed.effect.high - fixed.effect.low


def test_looking_often_alarms_falsely_with_the_fixed_test_and_not_with_the_sequential_one():
    generator = np.random.default_rng(17)
    looks = np.arange(500, 10_001, 500)
    runs = generator.poisson(2.0, (200, 2, looks[-1])).astype(float)
    totals, squares = runs.cumsum(axis=2)[..., looks - 1], (runs**2).cumsum(axis=2)[..., looks - 1]

    def false_alarms(method) -> int:
        return sum(
            any(
                method(
                    *(Arm.of_sums(int(n), *pair) for pair in zip(total[:, i], square[:, i], strict=True))
                ).p_value
                < 0.05
                for i, n in enumerate(looks)
            )
            for total, square in zip(totals, squares, strict=True)
        )

    assert false_alarms(relative_lift) > 30  # 15 % and more where 5 % was promised
    assert false_alarms(lambda a, b: sequential_lift(a, b, tuning=5000)) <= 10


@given(arms, arms)
def test_risks_differ_by_the_expected_lift_and_are_never_negative(control, treatment):
    found = bayesian_lift(control, treatment)
    scale = abs(found.effect.value) + found.effect.standard_error
    assert min(found.risk_of_shipping, found.risk_of_holding) >= -1e-12 * scale
    gap = found.risk_of_holding - found.risk_of_shipping
    assert gap == pytest.approx(found.effect.value, abs=1e-9 * scale)


def test_lower_is_better_turns_the_chance_to_win_round():
    up = bayesian_lift(CONTROL, TREATMENT)
    down = bayesian_lift(CONTROL, TREATMENT, higher_is_better=False)
    assert up.chance_to_win + down.chance_to_win == pytest.approx(1)
    assert (up.risk_of_shipping, up.risk_of_holding) == (down.risk_of_holding, down.risk_of_shipping)


def test_a_prior_pulls_the_lift_towards_itself_by_precision():
    flat = bayesian_lift(CONTROL, TREATMENT)
    error = flat.effect.standard_error
    halved = bayesian_lift(CONTROL, TREATMENT, prior_deviation=error)
    assert halved.effect.value == pytest.approx(flat.effect.value / 2)
    assert halved.effect.standard_error == pytest.approx(error / math.sqrt(2))


@pytest.mark.parametrize("method", [relative_lift, sequential_lift, bayesian_lift])
def test_arms_that_carry_no_lift_say_why(method):
    assert "positive mean" in method(Arm.of_proportion(0, 10), Arm.of_proportion(3, 10)).reason
    assert "No member differs" in method(Arm.of_proportion(10, 10), Arm.of_proportion(10, 10)).reason
    assert "two members" in method(Arm.of_proportion(1, 1), Arm.of_proportion(3, 10)).reason


def test_means_without_variation_cannot_be_compared():
    assert isinstance(compare_means(Arm(5, 1.0, 0.0), Arm(5, 1.0, 0.0)), Unavailable)


def test_ratio_arm_carries_the_error_of_the_ratio_estimator():
    y, x = np.array([10.0, 0, 30, 12]), np.array([1.0, 1, 3, 2])
    moments = (4, y.sum(), x.sum(), (y * y).sum(), (x * x).sum(), (x * y).sum())
    arm, oracle = Arm.of_ratio(*moments), ratio_of_sums(*moments)
    assert arm.mean == oracle.value
    assert math.sqrt(arm.variance_of_mean) == pytest.approx(oracle.standard_error)


def test_pre_period_adjustment_agrees_with_adjusting_each_member():
    generator = np.random.default_rng(2)
    before = generator.gamma(2, 5, (2, 400))
    after = before + generator.normal(0, 2, (2, 400)) + np.array([[0.0], [1.0]])
    found = adjust_with_pre_period(*(sums(y, x) for y, x in zip(after, before, strict=True)))
    for arm, y, x in zip(found.arms, after, before, strict=True):
        adjusted = y - found.theta * (x - before.mean())
        assert arm.mean == pytest.approx(adjusted.mean())
        assert arm.variance == pytest.approx(adjusted.var(ddof=1))
    assert found.theta == pytest.approx(1, abs=0.05)
    assert 0.85 < found.variance_reduction < 0.97


def test_pre_period_adjustment_narrows_the_interval_and_keeps_the_effect():
    generator = np.random.default_rng(8)
    before = generator.gamma(4, 5, (2, 2000))
    after = before + generator.normal(0, 2, (2, 2000)) + np.array([[0.0], [1.0]])
    plain = compare_means(*(Arm.of_sums(y.size, y.sum(), (y * y).sum()) for y in after))
    sharp = compare_means(
        *adjust_with_pre_period(*(sums(y, x) for y, x in zip(after, before, strict=True))).arms
    )
    assert sharp.effect.low < 1 < sharp.effect.high
    assert sharp.effect.standard_error < plain.effect.standard_error / 3


def test_a_constant_pre_period_changes_nothing():
    y, x = np.array([1.0, 2, 4]), np.ones(3)
    found = adjust_with_pre_period(sums(y, x), sums(y * 2, x))
    assert (found.theta, found.variance_reduction) == (0, 0)
    assert found.arms[0] == Arm.of_sums(3, 7.0, 21.0)


def test_sample_ratio_of_600_to_400_is_a_mismatch():
    found = check_sample_ratio([600, 400])
    assert f"{found.p_value:.2e}" == "2.54e-10"
    assert found.mismatch


def test_sample_ratio_follows_the_planned_weights():
    found = check_sample_ratio([600, 400], [6, 4])
    assert (found.p_value, found.mismatch, found.expected) == (1, False, (600, 400))


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=6), st.randoms())
def test_sample_ratio_does_not_depend_on_the_order_of_arms(counts, random):
    shuffled = random.sample(counts, len(counts))
    assert check_sample_ratio(shuffled).p_value == pytest.approx(check_sample_ratio(counts).p_value)


@pytest.mark.parametrize(
    "counts, weights", [([5], None), ([5, -1], None), ([0, 0], None), ([5, 5], [1, 0]), ([5, 5], [1, 1, 1])]
)
def test_splits_that_make_no_sense_are_refused(counts, weights):
    with pytest.raises(ValueError):
        check_sample_ratio(counts, weights)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Arm.of_sums(1, 1, 1),
        lambda: Arm.of_proportion(5, 4),
        lambda: Arm.of_ratio(5, 1, 0, 1, 1, 1),
        lambda: adjust_with_pre_period(PrePeriod(1, 1, 1, 1, 1, 1)),
        lambda: sequential_lift(CONTROL, TREATMENT, tuning=0),
    ],
)
def test_statistics_that_cannot_be_are_refused(build):
    with pytest.raises(ValueError):
        build()
