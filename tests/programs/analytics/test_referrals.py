import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.estimate import Unavailable
from programs.analytics.referrals import (
    RewardLevel,
    cost_per_incremental_customer,
    incentive_efficiency,
    viral_coefficient,
    viral_users,
)

LOW = RewardLevel(10, 1000, 50, 500.0, 2000.0)
HIGH = RewardLevel(20, 1000, 70, 1400.0, 2800.0)


def test_doubling_generations():
    assert [viral_users(10, 2, t) for t in range(6)] == pytest.approx([10, 30, 70, 150, 310, 630])


def test_the_ceiling_below_one():
    growth = viral_coefficient(1000, 9000, 900, seeds=1000)
    assert growth.k.value == pytest.approx(0.9)
    assert growth.ceiling.value == pytest.approx(10_000)
    assert growth.multiplier.value == pytest.approx(10)
    assert viral_users(1000, 0.9, 1000) == pytest.approx(10_000)


def test_at_one_growth_is_linear():
    assert viral_users(10, 1, 5) == 60
    assert viral_users(10, 1 + 1e-12, 5) == pytest.approx(60)


def test_a_cycle_is_the_unit_of_time():
    assert viral_users(10, 2, 9, cycle=3) == pytest.approx(150)


@given(st.floats(0, 3), st.integers(0, 8))
def test_growth_is_the_sum_of_generations(k, generations):
    assert viral_users(7, k, generations) == pytest.approx(sum(7 * k**n for n in range(generations + 1)))


def test_growth_above_one_has_no_ceiling():
    growth = viral_coefficient(100, 1000, 150)
    assert isinstance(growth.ceiling, Unavailable)


def test_an_interval_that_reaches_one_has_an_infinite_bound():
    assert viral_coefficient(100, 1000, 90).multiplier.high == math.inf


@pytest.mark.parametrize("arguments", [(-1, 1, 1), (1, -1, 1), (1, 1, -1), (1, 1, 1, 0)])
def test_impossible_growth_is_refused(arguments):
    with pytest.raises(ValueError):
        viral_users(*arguments)


def test_only_customers_beyond_the_baseline_are_incremental():
    found = cost_per_incremental_customer(2000.0, 100, 1000, 0.06)
    assert found.value == pytest.approx(2000 / 40)
    assert found.low < found.value < found.high
    assert isinstance(cost_per_incremental_customer(2000.0, 50, 1000, 0.06), Unavailable)


def test_without_a_hold_out_no_customer_is_called_incremental():
    found = incentive_efficiency([LOW, HIGH])
    assert isinstance(found.cost_per_incremental, Unavailable)
    assert found.cost_per_won.value == pytest.approx(1900 / 120)
    assert found.payout_ratio.value == pytest.approx(1900 / 4800)


def test_marginal_efficiency_between_levels_in_any_order():
    (step,) = incentive_efficiency([HIGH, LOW]).steps
    assert (step.lower, step.higher) == (10, 20)
    assert step.extra_rate.value == pytest.approx(0.02)
    # .9 more paid per invite for .02 more wins
    assert step.marginal_cost.value == pytest.approx(45)
    assert step.extra_margin_per_invite == pytest.approx(-0.1)


def test_a_higher_reward_that_wins_no_more_has_no_marginal_cost():
    (step,) = incentive_efficiency([LOW, RewardLevel(20, 1000, 50, 1000.0, 2000.0)]).steps
    assert isinstance(step.marginal_cost, Unavailable)
