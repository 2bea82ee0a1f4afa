"""Lifts of skewed outcomes and few conversions: one test for the fixed, always-valid and Bayesian answer."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, permutation_test
from statsmodels.stats.proportion import confint_proportions_2indep

from programs.analytics.estimate import Unavailable
from programs.analytics.experiments import (
    Arm,
    GuardrailState,
    bayesian_lift,
    check_guardrail,
    pivot_of,
    relative_lift,
    sequential_lift,
    trusted_lift,
)
from programs.analytics.experiments.effects import one_sided_sequential_score
from programs.analytics.experiments.permutation import PermutationPivot
from programs.analytics.experiments.pivots import FiellerPivot, ScorePivot, chances_of


def arm_of(y):
    return Arm.of_sums(y.size, y.sum(), (y**2).sum(), (y**3).sum()).with_values(y)


def bought(rng, members, sigma, share, mean=1.0):
    """Most members buy nothing, a few buy a lot; the amounts' mean is the same for every ``sigma``."""
    return mean * rng.lognormal(3.0 - sigma**2 / 2, sigma, members) * (rng.random(members) < share)


WORLDS = {  # how the treated differ, and the lift that is true
    "everybody spends a quarter more": ((1.4, 0.1, 1.0), (1.4, 0.1, 1.25), 1.25),
    "half as many buyers again": ((1.0, 0.1, 1.0), (1.0, 0.15, 1.0), 1.5),
    "few buyers, no effect": ((1.0, 0.05, 1.0), (1.0, 0.05, 1.0), 1.0),
}


@pytest.mark.parametrize(("control", "treated"), [(3000, 300), (300, 3000)])
@pytest.mark.parametrize("world", WORLDS)
def test_arms_of_unlike_size_and_skewed_revenue_hold_95_percent(world, control, treated):
    ours, theirs, truth = WORLDS[world]
    rng, worlds, held, fieller = np.random.default_rng(2026), 250, 0, 0
    for _ in range(worlds):
        arms = arm_of(bought(rng, control, *ours)), arm_of(bought(rng, treated, *theirs))
        # A ratio lies in the interval where its score is within 1.96; the ends are searched below.
        held += abs(PermutationPivot(*arms, draws=399).score(truth)) < 1.96
        fieller += abs(FiellerPivot(*arms).score(truth)) < 1.96
    assert held / worlds > 0.95 - 3 * np.sqrt(0.95 * 0.05 / worlds)
    if world == "few buyers, no effect":
        assert fieller / worlds < 0.92


def test_the_p_value_of_no_lift_is_scipys_permutation_test():
    rng = np.random.default_rng(3)
    y = bought(rng, 40, 1.2, 0.6), bought(rng, 90, 1.2, 0.6, 1.6)

    def statistic(a, b, axis):
        error = a.var(axis, ddof=1) / a.shape[axis] + b.var(axis, ddof=1) / b.shape[axis]
        return (b.mean(axis) - a.mean(axis)) / np.sqrt(error)

    oracle = permutation_test(y, statistic, n_resamples=40_000, vectorized=True, rng=rng)
    ours = 2 * norm.sf(abs(PermutationPivot(*map(arm_of, y), draws=40_000).score(1.0)))
    assert ours == pytest.approx(oracle.pvalue, abs=0.01)


def test_an_interval_ends_where_the_test_rejects_and_has_no_unit():
    rng = np.random.default_rng(4)
    arms = arm_of(bought(rng, 900, 1.3, 0.3)), arm_of(bought(rng, 100, 1.3, 0.3))
    pivot = pivot_of(*arms)
    found = trusted_lift(*arms).effect
    assert found.method == "studentised permutation, 1,999 draws"
    assert [pivot.score(1 + end) for end in (found.low, found.high)] == pytest.approx([1.96, -1.96], abs=1e-3)
    cents = [arm_of(np.append(arm.values * 100, np.zeros(arm.members - arm.values.size))) for arm in arms]
    assert trusted_lift(*cents).effect.low == pytest.approx(found.low, abs=1e-6)


def test_without_the_values_fiellers_theorem_is_left_and_too_many_are_not_permuted():
    rng = np.random.default_rng(4)
    arms = [arm_of(bought(rng, 300, 1.3, 0.3)) for _ in range(2)]
    bare = [replace(arm, values=None) for arm in arms]
    assert trusted_lift(*bare).effect.method == "fieller"
    many = replace(arms[0], values=np.ones(60_000))
    assert isinstance(pivot_of(many, arms[1]), FiellerPivot)
    with pytest.raises(ValueError, match="do not fit"):
        arms[0].with_values(np.ones(301))


@pytest.mark.parametrize(
    ("ours", "theirs"), [((40, 300), (9, 60)), ((12, 2000), (30, 2100)), ((5, 80), (0, 80))]
)
def test_few_conversions_have_the_score_interval_of_statsmodels(ours, theirs):
    arms = Arm.of_proportion(*ours), Arm.of_proportion(*theirs)
    found = trusted_lift(*arms).effect
    low, high = confint_proportions_2indep(*theirs, *ours, compare="ratio", method="score", correction=True)
    assert found.method == "score test of two shares"
    assert (1 + found.low, 1 + found.high) == pytest.approx((max(low, 0.0), high), rel=2e-3, abs=1e-6)


def test_few_conversions_cover_where_the_delta_method_does_not():
    rng, worlds, held, delta = np.random.default_rng(6), 2000, 0, 0
    for _ in range(worlds):
        arms = (
            Arm.of_proportion(rng.binomial(3000, 0.02), 3000),
            Arm.of_proportion(rng.binomial(300, 0.02), 300),
        )
        held += abs(ScorePivot(*arms).score(1.0)) < 1.96
        found = relative_lift(*arms)
        delta += not isinstance(found, Unavailable) and found.effect.low <= 0 <= found.effect.high
    assert held / worlds > 0.94
    assert delta / worlds < 0.93


def test_the_bayesian_answer_is_that_of_the_interval():
    rng = np.random.default_rng(5)
    arms = arm_of(bought(rng, 400, 1.3, 0.3)), arm_of(bought(rng, 400, 1.3, 0.3, 1.5))
    pivot = pivot_of(*arms)
    found = bayesian_lift(*arms, pivot=pivot)
    assert (found.effect.low, found.effect.high) == (
        trusted_lift(*arms).effect.low,
        trusted_lift(*arms).effect.high,
    )
    assert found.chance_to_win == pytest.approx(norm.cdf(pivot.score(1.0)))
    worse = bayesian_lift(*arms, pivot=pivot, higher_is_better=False)
    assert found.chance_to_win + worse.chance_to_win == pytest.approx(1)
    assert (found.risk_of_shipping, found.risk_of_holding) == (worse.risk_of_holding, worse.risk_of_shipping)
    with pytest.raises(ValueError, match="normal posterior"):
        bayesian_lift(*arms, pivot=pivot, prior_deviation=0.1)


def test_chances_of_a_ratio_known_to_be_normal_are_the_closed_form():
    control, treatment = Arm(10**7, 100.0, 1e-2), Arm(400, 101.0, 900.0)
    found, normal = chances_of(FiellerPivot(control, treatment)), bayesian_lift(control, treatment)
    assert found.above == pytest.approx(normal.chance_to_win, abs=2e-3)
    # The outermost 1 % is left out.
    assert found.shortfall == pytest.approx(normal.risk_of_shipping, rel=0.06)
    assert found.excess == pytest.approx(normal.risk_of_holding, rel=0.02)


def test_the_chance_to_win_is_calibrated_on_skewed_revenue_in_unlike_arms():
    """Of tests without an effect a chance above 95 % is seen in 5 %; by the normal posterior in far more."""
    rng, worlds, ours, normal = np.random.default_rng(8), 300, 0, 0
    for _ in range(worlds):
        arms = arm_of(bought(rng, 3000, 1.0, 0.05)), arm_of(bought(rng, 300, 1.0, 0.05))
        ours += norm.cdf(PermutationPivot(*arms, draws=399).score(1.0)) < 0.05
        normal += bayesian_lift(*arms).chance_to_win < 0.05
    assert ours / worlds < 0.05 + 3 * np.sqrt(0.05 * 0.95 / worlds)
    assert normal / worlds > 0.1


@given(st.integers(2, 10**6), st.floats(10, 1e6), st.floats(0.001, 0.2))
def test_one_side_takes_a_little_more_than_half_of_two(members, tuning, alpha):
    spread = one_sided_sequential_score(members, tuning, alpha)
    assert spread > norm.isf(alpha)


def looks_at(rng, sigma, kept=1.0):
    """The same test looked at ten times while 3,000 members of skewed revenue are assigned."""
    control, treated = bought(rng, 3000, sigma, 0.2), bought(rng, 3000, sigma, 0.2, kept)
    for n in range(300, 3001, 300):
        yield arm_of(control[: n // 2]), arm_of(treated[: n // 2])


def harmed(arms, tuning):
    pivot = PermutationPivot(*arms, draws=399)
    found = check_guardrail(*arms, 0.02, pivot=pivot, tuning=tuning)
    return not isinstance(found, Unavailable) and found.state is GuardrailState.HARMED


def test_a_guardrail_looked_at_ten_times_is_not_called_harmed_by_chance():
    """One look of 95 % each alarms in a fifth of tests, and a sequence of the delta method on skewed revenue
    in more than it promises."""
    rng, worlds, sequential, fixed, delta = np.random.default_rng(12), 60, 0, 0, 0
    for _ in range(worlds):
        looks = list(looks_at(rng, 1.4))
        scores = [PermutationPivot(*arms, draws=399).score(1.0) for arms in looks]
        bounds = [one_sided_sequential_score(a.members + b.members, 3000, 0.05) for a, b in looks]
        sequential += any(-score > bound for score, bound in zip(scores, bounds, strict=True))
        fixed += any(-score > norm.isf(0.05) for score in scores)
        changes = [relative_lift(*arms).effect for arms in looks]
        delta += any(c.value + bound * c.standard_error < 0 for c, bound in zip(changes, bounds, strict=True))
    assert sequential / worlds <= 0.05
    assert fixed / worlds > 0.1
    assert delta >= sequential


@pytest.mark.parametrize("treated", [0.9, 0.1])
def test_guardrails_keep_their_promise_in_arms_of_ten_and_ninety(treated):
    """Skewed revenue of 3,000 members looked at ten times: at most 5 % are called harmed if nothing changes,
    and at most 5 % are called safe where the arm is worse by the margin. In 100 worlds each: 0 and 1 %."""
    rng, worlds, margin, harmed_by_chance, safe_by_chance = np.random.default_rng(10), 25, 0.05, 0, 0
    for _ in range(worlds):
        chosen = rng.random(3000) < treated
        for kept in (1.0, 1 - margin):
            spent = bought(rng, 3000, 1.4, 0.2) * np.where(chosen, kept, 1.0)
            alarmed = False
            for n in range(300, 3001, 300):
                seen, arm = spent[:n], chosen[:n]
                pivot = PermutationPivot(arm_of(seen[~arm]), arm_of(seen[arm]), draws=399)
                bound = one_sided_sequential_score(n, 3000, 0.05)
                # As check_guardrail reads its ends: below 0, or above the margin.
                alarmed |= -pivot.score(1.0) > bound if kept == 1.0 else pivot.score(1 - margin) > bound
            harmed_by_chance += alarmed and kept == 1.0
            safe_by_chance += alarmed and kept < 1.0
    assert harmed_by_chance <= 3 and safe_by_chance <= 3  # of 25: more, by chance, in 1 of 100 at 5 %


def test_a_guardrail_that_is_harmed_is_seen_by_the_sequence():
    assert any(harmed(arms, 3000) for arms in looks_at(np.random.default_rng(2), 0.8, 0.5))


@settings(max_examples=20)
@given(st.integers(1, 400), st.integers(1, 400))
def test_scores_of_two_shares_turn_round_with_the_arms(a, b):
    one, other = Arm.of_proportion(a, 500), Arm.of_proportion(b, 600)
    assert ScorePivot(one, other).score(1.3) == pytest.approx(-ScorePivot(other, one).score(1 / 1.3))


def test_an_always_valid_interval_of_skewed_revenue_is_wider_than_the_fixed_one():
    rng = np.random.default_rng(4)
    arms = arm_of(bought(rng, 2000, 1.2, 0.3)), arm_of(bought(rng, 2000, 1.2, 0.3))
    pivot = pivot_of(*arms)
    fixed, always = trusted_lift(*arms), sequential_lift(*arms, pivot=pivot, tuning=4000)
    assert always.effect.low < fixed.effect.low < fixed.effect.high < always.effect.high
    assert always.p_value > fixed.p_value
    assert "confidence sequence" in always.effect.method
    assert "permutation" in always.effect.method
