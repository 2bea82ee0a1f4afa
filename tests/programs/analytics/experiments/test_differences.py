"""A difference and a lift are two ways to say the same: their p, sign and interval agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from programs.analytics.estimate import Unavailable
from programs.analytics.experiments import (
    Arm,
    Comparison,
    ExperimentMetric,
    MetricRole,
    ObservedExperiment,
    pivot_of,
    read_experiment,
    relative_lift,
)
from programs.analytics.experiments.differences import (
    agreeing,
    compare_means,
    compare_shares,
    likeliest_control,
)
from programs.analytics.experiments.permutation import PermutationPivot
from programs.analytics.experiments.pivots import FiellerPivot, ScorePivot


def arm_of(y):
    return Arm.of_sums(y.size, y.sum(), (y**2).sum(), (y**3).sum()).with_values(y)


def bought(rng, members, sigma=1.2, share=0.1, mean=1.0):
    return mean * rng.lognormal(3.0 - sigma**2 / 2, sigma, members) * (rng.random(members) < share)


def spend(rng, effect):
    return arm_of(bought(rng, 1000)), arm_of(bought(rng, 200, mean=effect))


def even(rng, effect):
    return arm_of(rng.normal(50, 20, 300)), arm_of(rng.normal(50 * effect**0.2, 20, 300))


def few(rng, effect):
    control, treated = rng.binomial(2000, 0.01), rng.binomial(300, min(0.01 * effect, 1.0))
    return Arm.of_proportion(control, 2000), Arm.of_proportion(treated, 300)


def many(rng, effect):
    control, treated = rng.binomial(400, 0.4), rng.binomial(400, 0.4 * effect**0.3)
    return Arm.of_proportion(control, 400), Arm.of_proportion(treated, 400)


def bare(rng, effect):
    return tuple(Arm(a.members, a.mean, a.variance, skewness=a.skewness) for a in spend(rng, effect))


def side(effect):
    return 1 if effect.low > 0 else -1 if effect.high < 0 else 0


@pytest.mark.parametrize("tuning", [None, 800.0])
@pytest.mark.parametrize("effect", [0.4, 1.0, 1.7])
@pytest.mark.parametrize("world", [spend, even, few, many, bare])
def test_p_interval_and_sign_of_difference_and_lift_agree(world, effect, tuning):
    rng = np.random.default_rng(21)
    stated = 0
    for _ in range(12):
        control, treated = world(rng, effect)
        metric = ExperimentMetric("m", MetricRole.PRIMARY, {"control": control, "new": treated})
        members = {"control": control.members, "new": treated.members}
        test = ObservedExperiment("t", "control", members, [metric], 100, members, tuning)
        (arm,) = read_experiment(test).arms
        found = arm.metrics[0]
        if isinstance(found.lift, Unavailable):
            continue
        stated += 1
        lift, difference = found.lift.effect, found.difference.effect
        assert found.difference.p_value == found.lift.p_value
        assert side(lift) == side(difference)
        assert (found.lift.p_value < 0.05) == (side(difference) != 0)
        assert np.sign(lift.value) == np.sign(difference.value)
        assert difference.low <= difference.value <= difference.high
    assert stated


@pytest.mark.parametrize(("control", "treated"), [(3000, 300), (300, 3000)])
@pytest.mark.parametrize("effect", [1.0, 1.5, 0.6])
def test_the_difference_of_skewed_revenue_holds_95_percent_in_unlike_arms(control, treated, effect):
    rng, worlds, held, mean = np.random.default_rng(7), 200, 0, 0.1 * np.exp(3.0)
    for _ in range(worlds):
        arms = arm_of(bought(rng, control, 1.4)), arm_of(bought(rng, treated, 1.4, mean=effect))
        pivot = PermutationPivot(*arms, draws=399)
        held += abs(pivot.score_of_difference((effect - 1) * mean)) < 1.96
    assert held / worlds > 0.95 - 3 * np.sqrt(0.95 * 0.05 / worlds)


def test_at_no_difference_both_ask_the_same_question():
    rng = np.random.default_rng(1)
    pivot = pivot_of(*spend(rng, 1.3))
    assert pivot.score_of_difference(0.0) == pytest.approx(pivot.score(1.0), abs=1e-9)
    arms = few(rng, 2.0)
    score = ScorePivot(*arms).score(1.0)
    assert compare_shares(*arms).p_value == pytest.approx(2 * norm.sf(abs(score)))
    fieller = FiellerPivot(*even(rng, 1.1))
    by_welch, score = compare_means(fieller.control, fieller.treatment), fieller.score(1.0)
    assert by_welch.p_value == pytest.approx(2 * norm.sf(abs(score)))


@settings(max_examples=30)
@given(st.integers(1, 79), st.integers(1, 59), st.floats(-0.3, 0.3))
def test_the_score_of_two_shares_is_at_the_likeliest_shares(x_c, x_t, difference):
    def unlikely(p):
        q = p + difference
        return -(x_c * np.log(p) + (80 - x_c) * np.log(1 - p) + x_t * np.log(q) + (60 - x_t) * np.log(1 - q))

    bounds = max(0, -difference) + 1e-9, min(1, 1 - difference) - 1e-9
    found = minimize_scalar(unlikely, bounds=bounds, method="bounded", options={"xatol": 1e-9}).x
    assert likeliest_control(80, 60, x_c, x_t, difference) == pytest.approx(found, abs=1e-4)


@settings(max_examples=40)
@given(st.integers(0, 80), st.integers(0, 60))
def test_the_ends_of_a_difference_of_shares_lie_around_it(x_c, x_t):
    found = compare_shares(Arm.of_proportion(x_c, 80), Arm.of_proportion(x_t, 60))
    if isinstance(found, Unavailable):
        assert (x_c, x_t) in {(0, 0), (80, 60), (0, 60), (80, 0)}
        return
    assert -1 <= found.effect.low <= found.effect.value <= found.effect.high <= 1
    assert (found.p_value < 0.05) == (side(found.effect) != 0)


def test_where_the_two_straddle_the_difference_takes_the_ends_of_the_lift():
    control, treatment = Arm(400, 50.0, 2000.0), Arm(400, 43.9, 2000.0)
    lift, welch = relative_lift(control, treatment), compare_means(control, treatment)
    assert (side(lift.effect), side(welch.effect)) == (-1, 0)
    found = agreeing(welch, lift, control)
    assert isinstance(found, Comparison)
    assert found.effect.high == pytest.approx(lift.effect.high * 50)
    assert found.p_value == lift.p_value
