import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from programs.analytics.estimate import Unavailable
from programs.analytics.experiments import (
    Arm,
    ExperimentMetric,
    GuardrailState,
    MetricRole,
    NullVariance,
    ObservedExperiment,
    Recommendation,
    check_guardrail,
    members_per_arm_for_guardrail,
    members_per_arm_for_mean,
    members_per_arm_for_share,
    plan_test,
    read_experiment,
)


def share(role: MetricRole, control: float, treatment: float, n: int = 10_000, **more) -> ExperimentMetric:
    arms = {
        "control": Arm.of_proportion(round(control * n), n),
        "bonus": Arm.of_proportion(round(treatment * n), n),
    }
    return ExperimentMetric(f"{role} metric", role, arms, **more)


def experiment(
    *metrics: ExperimentMetric, n: int = 10_000, planned: int = 10_000, **more
) -> ObservedExperiment:
    return ObservedExperiment("Bonus", "control", {"control": n, "bonus": n}, metrics, planned, **more)


WIN = share(MetricRole.PRIMARY, 0.20, 0.23)
FLAT = share(MetricRole.PRIMARY, 0.20, 0.20)
LOSS = share(MetricRole.PRIMARY, 0.23, 0.20)
SAFE = share(MetricRole.GUARDRAIL, 0.90, 0.90)
HARMED = share(MetricRole.GUARDRAIL, 0.90, 0.85)
UNCLEAR = share(MetricRole.GUARDRAIL, 0.20, 0.199)
SECOND_LOSS = share(MetricRole.SECONDARY, 0.30, 0.25)


@pytest.mark.parametrize(
    "test, expected, reason",
    [
        (experiment(WIN, SAFE), Recommendation.SHIP, "within its margin"),
        (experiment(WIN), Recommendation.SHIP, "No guardrail was set"),
        (experiment(WIN, HARMED), Recommendation.STOP, "Guardrail harmed"),
        (experiment(FLAT, SAFE), Recommendation.HOLD, "No effect beyond chance."),
        (experiment(LOSS, SAFE), Recommendation.STOP, "got worse beyond chance"),
        (experiment(WIN, UNCLEAR), Recommendation.HOLD, "not yet shown safe"),
        (experiment(WIN, SECOND_LOSS), Recommendation.HOLD, "Got worse beyond chance: secondary"),
        (experiment(WIN, SAFE, planned=20_000), Recommendation.KEEP_RUNNING, "read once"),
        (experiment(WIN, SAFE, planned=20_000, tuning=20_000), Recommendation.SHIP, "within its margin"),
        (experiment(FLAT, planned=20_000, tuning=20_000), Recommendation.KEEP_RUNNING, "beyond chance yet"),
        (experiment(LOSS, planned=20_000, tuning=20_000), Recommendation.STOP, "got worse"),
        (experiment(WIN, HARMED, planned=20_000), Recommendation.STOP, "Guardrail harmed"),
    ],
)
def test_recommendation_and_its_reason(test, expected, reason):
    (arm,) = read_experiment(test).arms
    assert arm.recommendation is expected
    assert reason in " ".join(arm.reasons)


def test_sample_ratio_mismatch_blocks_the_readout():
    members = {"control": 10_000, "bonus": 10_800}
    broken = replace(experiment(WIN, SAFE), members=members, weights=dict.fromkeys(members, 1))
    readout = read_experiment(broken)
    assert readout.sample_ratio.mismatch
    assert isinstance(readout.arms, Unavailable)
    assert "no result can be read" in readout.arms.reason


def test_planned_weights_are_no_mismatch():
    uneven = replace(
        experiment(WIN), members={"control": 10_000, "bonus": 20_000}, weights={"bonus": 2, "control": 1}
    )
    assert not read_experiment(uneven).sample_ratio.mismatch


def test_lower_is_better_reads_a_fall_as_a_win():
    test = experiment(replace(LOSS, higher_is_better=False))
    assert read_experiment(test).arms[0].recommendation is Recommendation.SHIP


def test_holm_runs_over_metrics_and_treatments_but_not_guardrails():
    arms = {
        "control": Arm.of_proportion(2000, 10_000),
        "a": Arm.of_proportion(2150, 10_000),
        "b": Arm.of_proportion(2010, 10_000),
    }
    test = ObservedExperiment(
        "Three arms",
        "control",
        dict.fromkeys(arms, 10_000),
        [
            ExperimentMetric("repeat", MetricRole.PRIMARY, arms),
            ExperimentMetric("margin", MetricRole.GUARDRAIL, arms),
        ],
        10_000,
    )
    first, second = (arm.metrics[0] for arm in read_experiment(test).arms)
    assert first.adjusted_p == pytest.approx(2 * first.lift.p_value)
    assert second.adjusted_p == pytest.approx(second.lift.p_value)
    assert first.significant
    assert not second.significant


def test_a_metric_without_a_lift_waits():
    empty = share(MetricRole.PRIMARY, 0.0, 0.1)
    (arm,) = read_experiment(experiment(empty)).arms
    assert arm.recommendation is Recommendation.HOLD
    assert "positive mean" in arm.reasons[0]


def test_a_guardrail_that_cannot_be_computed_is_not_called_safe():
    (arm,) = read_experiment(experiment(WIN, share(MetricRole.GUARDRAIL, 0.0, 0.1))).arms
    assert arm.recommendation is Recommendation.HOLD
    assert "positive mean" in " ".join(arm.reasons)


def test_readout_does_not_depend_on_the_order_of_metrics():
    forth, back = (
        read_experiment(experiment(*m)) for m in ((WIN, SAFE, SECOND_LOSS), (SECOND_LOSS, SAFE, WIN))
    )
    assert forth.arms[0].recommendation is back.arms[0].recommendation
    assert {m.name: m.adjusted_p for m in forth.arms[0].metrics} == {
        m.name: m.adjusted_p for m in back.arms[0].metrics
    }


@pytest.mark.parametrize(
    "change, message",
    [
        ({"control": "nobody"}, "control"),
        ({"members": {"control": 5}}, "at least one treatment"),
        ({"weights": {"control": 1}}, "weights"),
        ({"metrics": [SAFE]}, "exactly one primary"),
        ({"metrics": [WIN, FLAT]}, "exactly one primary"),
        ({"metrics": [ExperimentMetric("x", MetricRole.PRIMARY, {"control": Arm(2, 1, 1)})]}, "every arm"),
        ({"planned_per_arm": 0}, "at least 1"),
    ],
)
def test_experiments_that_do_not_fit_together_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(experiment(WIN), **change)


CONTROL = Arm.of_proportion(9000, 10_000)


def test_guardrail_bound_is_the_one_sided_limit():
    found = check_guardrail(CONTROL, Arm.of_proportion(8950, 10_000), 0.02)
    error = found.change.standard_error
    assert found.worst == pytest.approx(found.change.value - norm.ppf(0.95) * error, abs=1e-6)
    assert found.state is GuardrailState.SAFE


def test_guardrail_on_a_cost_looks_at_the_upper_side():
    cost = check_guardrail(CONTROL, Arm.of_proportion(9500, 10_000), 0.02, higher_is_better=False)
    assert cost.worst > cost.change.value > 0.05
    assert cost.state is GuardrailState.HARMED


@given(st.integers(1, 9999), st.integers(1, 9999), st.floats(0.001, 0.5))
def test_safe_under_repeated_looks_is_safe_in_one_look(control, treatment, margin):
    arms = Arm.of_proportion(control, 10_000), Arm.of_proportion(treatment, 10_000)
    once, often = (check_guardrail(*arms, margin, tuning=tuning) for tuning in (None, 20_000.0))
    assert often.worst < once.worst
    assert (often.state is GuardrailState.SAFE) <= (once.state is GuardrailState.SAFE)


def test_a_guardrail_needs_a_margin():
    with pytest.raises(ValueError, match="margin"):
        check_guardrail(CONTROL, CONTROL, 0)


def test_members_for_20_percent_plus_5_points():
    # R 4: power.prop.test(p1 = .2, p2 = .25, power = .8) gives 1093.739; Miller's calculator 1,030.
    assert members_per_arm_for_share(0.2, 0.05) == pytest.approx(1093.739, abs=1e-3)
    assert round(members_per_arm_for_share(0.2, 0.05, null_variance=NullVariance.BASELINE)) == 1030


def test_members_for_a_mean_is_the_textbook_formula():
    assert members_per_arm_for_mean(10, 2) == pytest.approx(2 * (1.959964 + 0.841621) ** 2 * 25, rel=1e-6)


@given(st.floats(0.01, 0.98), st.floats(0.001, 0.01))
def test_members_are_the_same_counting_successes_or_failures(baseline, difference):
    assert members_per_arm_for_share(baseline, difference) == pytest.approx(
        members_per_arm_for_share(1 - baseline, -difference)
    )


@given(st.floats(0.05, 0.9), st.floats(0.01, 0.04))
def test_planned_size_reaches_its_power(baseline, difference):
    n = members_per_arm_for_share(baseline, difference, power=0.9)
    p2, mean = baseline + difference, baseline + difference / 2
    critical = norm.ppf(0.975) * (2 * mean * (1 - mean) / n) ** 0.5
    error = ((baseline * (1 - baseline) + p2 * (1 - p2)) / n) ** 0.5
    assert norm.sf((critical - difference) / error) == pytest.approx(0.9)


def test_a_guardrail_of_the_planned_size_is_called_safe_as_often_as_planned():
    """A mean of 20 and a deviation of 10 that do not change, and a margin of 5 %."""
    size = math.ceil(members_per_arm_for_guardrail(0.5, 0.05))
    rng, safe, worlds = np.random.default_rng(5), 0, 400
    for _ in range(worlds):
        arms = [Arm(size, float(rng.normal(20, 10 / size**0.5)), 100.0) for _ in range(2)]
        found = check_guardrail(*arms, 0.05, tuning=2 * size)
        safe += found.state is GuardrailState.SAFE
    assert safe / worlds == pytest.approx(0.8, abs=0.06)
    with pytest.raises(ValueError, match="margin above 0"):
        members_per_arm_for_guardrail(0.5, 0.0)


@pytest.mark.parametrize("baseline, difference", [(0, 0.1), (0.5, 0), (0.95, 0.05), (1, -0.1)])
def test_shares_out_of_range_are_refused(baseline, difference):
    with pytest.raises(ValueError):
        members_per_arm_for_share(baseline, difference)


def test_a_mean_without_variation_is_refused():
    with pytest.raises(ValueError):
        members_per_arm_for_mean(0, 1)


def test_weeks_fill_all_arms_and_never_fall_below_the_minimum():
    plan = plan_test(1093.739, 500, arms=3)
    assert (plan.members_per_arm, plan.weeks) == (1094, 7)
    assert plan_test(10, 500, minimum_weeks=2).weeks == 2
    assert "eligible" in plan_test(10, 0).reason
    with pytest.raises(ValueError, match="two arms"):
        plan_test(10, 5, arms=1)
