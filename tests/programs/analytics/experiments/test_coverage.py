"""Intervals of lifts hold what they promise, in worlds whose lift is known."""

import numpy as np
import pytest

from programs.analytics.estimate import Unavailable
from programs.analytics.experiments import (
    Arm,
    ExperimentMetric,
    MetricRole,
    ObservedExperiment,
    compare_proportions,
    fieller_lift,
    read_experiment,
    relative_lift,
    trusted_lift,
)
from programs.analytics.experiments.effects import uneven_skewness
from programs.analytics.funnel import rate_difference

WORLDS = 1500


def arm_of(y):
    return Arm.of_sums(y.size, y.sum(), (y**2).sum(), (y**3).sum())


def drawn(rng, members, factor=1.0):
    """Most members buy nothing, a few buy a lot: coefficient of variation 5."""
    return factor * rng.lognormal(3.0, 1.4, members) * (rng.random(members) < 0.3)


def coverage(method, lift, control=300, treated=300):
    rng = np.random.default_rng(8)
    found = [
        method(arm_of(drawn(rng, control)), arm_of(drawn(rng, treated, 1 + lift))) for _ in range(WORLDS)
    ]
    stated = [each.effect for each in found if not isinstance(each, Unavailable)]
    assert len(stated) > 0.98 * WORLDS
    return np.mean([each.low <= lift <= each.high for each in stated])


@pytest.mark.parametrize("lift", [0.0, 0.25])
def test_the_lift_of_skewed_revenue_covers_at_300_an_arm_where_the_delta_method_does_not(lift):
    assert coverage(trusted_lift, lift) >= 0.94
    assert coverage(relative_lift, lift) < 0.93


def test_a_test_without_an_effect_is_seldom_called_one():
    rng = np.random.default_rng(9)
    tests = [trusted_lift(arm_of(drawn(rng, 300)), arm_of(drawn(rng, 300))) for _ in range(WORLDS)]
    p = [each.p_value for each in tests if not isinstance(each, Unavailable)]
    assert np.mean(np.array(p) < 0.05) <= 0.055


def test_arms_of_unlike_size_say_that_a_few_large_values_decide():
    rng = np.random.default_rng(4)
    small, large = arm_of(drawn(rng, 300)), arm_of(drawn(rng, 2700))
    assert "300 units in the smaller arm" in uneven_skewness(large, small)
    assert uneven_skewness(small, Arm.of_sums(300, 900.0, 9_000.0)) == ""
    even = rng.normal(100, 10, 300)
    assert uneven_skewness(arm_of(even), arm_of(rng.normal(100, 10, 2700))) == ""


def test_a_control_that_may_be_nothing_has_no_lift():
    one_buyer = np.zeros(300)
    one_buyer[0] = 500.0
    found = fieller_lift(arm_of(one_buyer), arm_of(np.full(300, 2.0) + one_buyer))
    assert isinstance(found, Unavailable)
    assert "not known to be above 0" in found.reason


def test_where_nothing_is_skewed_the_delta_method_stands():
    rng = np.random.default_rng(2)
    arms = [arm_of(rng.normal(50, 10, 400)) for _ in range(2)]
    assert trusted_lift(*arms) == relative_lift(*arms)


def test_the_readout_of_skewed_revenue_is_fiellers_and_warns_of_uneven_arms():
    rng = np.random.default_rng(4)
    arms = {"control": arm_of(drawn(rng, 2700)), "holdout": arm_of(drawn(rng, 300))}
    metric = ExperimentMetric("spend", MetricRole.PRIMARY, arms)
    test = ObservedExperiment(
        "t", "control", {"control": 2700, "holdout": 300}, [metric], 300, {"control": 9, "holdout": 1}
    )
    (arm,) = read_experiment(test).arms
    assert arm.metrics[0].lift.effect.method == "fieller"
    assert "covers less than it says" in arm.reasons[-1]


def test_29_of_50_are_29():
    found = compare_proportions(Arm.of_proportion(20, 50), Arm.of_proportion(29, 50)).effect
    exact = rate_difference(29, 50, 20, 50)
    assert (found.value, found.low, found.high) == (exact.value, exact.low, exact.high)
