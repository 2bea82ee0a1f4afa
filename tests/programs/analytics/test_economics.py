import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.economics import (
    LiftResponse,
    RedemptionOption,
    best_value_rate,
    break_even_lift,
    break_even_month,
    incremental_margin,
    internal_rate_of_return,
    net_present_value,
    payback_period,
    value_points,
)
from programs.analytics.estimate import Unavailable


def test_net_present_value_of_the_textbook_flows():
    value = net_present_value(0.08, [-40_000, 5_000, 8_000, 12_000, 30_000])
    assert round(value, 10) == 3065.2226681795


def test_internal_rate_of_return_of_the_textbook_flows():
    assert round(internal_rate_of_return([-100, 39, 59, 55, 20]), 8) == 0.28094842


@given(st.floats(1, 1000), st.lists(st.floats(0, 1000), min_size=1, max_size=20).filter(lambda x: sum(x) > 1))
def test_the_internal_rate_of_return_zeroes_the_net_present_value(outlay, income):
    flows = [-outlay, *income]
    assert net_present_value(internal_rate_of_return(flows), flows) == pytest.approx(0, abs=1e-6 * outlay)


@pytest.mark.parametrize(
    ("flows", "reason"), [([1, 2], "never change sign"), ([-1, 3, -1], "more than once")]
)
def test_a_rate_of_return_that_is_not_unique_is_not_given(flows, reason):
    assert reason in internal_rate_of_return(flows).reason


def test_payback_is_interpolated_and_break_even_is_the_month_after():
    flows = [-100, 40, 40, 40]
    assert payback_period(flows) == 2.5
    assert break_even_month(flows) == 3


def test_a_later_loss_postpones_the_payback():
    assert payback_period([-10, 20, -15, 10]) == 2.5


def test_what_is_never_paid_back_says_so():
    assert break_even_month([-10, 4, 4]) == Unavailable("Not paid back within 2 periods.")


def test_face_value_cost_and_selling_price_per_point_are_three_numbers():
    value = value_points(
        [
            RedemptionOption("voucher", 0.75, points=1000, unit_cost=8.0, face_value=10.0),
            RedemptionOption("mug", 0.25, points=500, unit_cost=2.0, face_value=6.0),
        ],
        redemption_rate=0.8,
    )
    assert value.cost == pytest.approx(0.007)
    assert value.face_value == pytest.approx(0.0105)
    assert value.stand_alone_selling_price == pytest.approx(0.0084)


def test_a_redemption_mix_that_does_not_sum_to_one_is_refused():
    with pytest.raises(ValueError, match="sum to 1"):
        value_points([RedemptionOption("voucher", 0.5, 1000, 8.0, 10.0)], 0.8)


def test_rewards_on_purchases_that_would_have_happened_anyway_are_shown_apart():
    year = incremental_margin(1_000_000, 0.4, 0.1, 2.0, 0.75, 0.008, 10_000)
    assert float(year.margin) == pytest.approx(40_000)
    assert float(year.reward_on_baseline) == pytest.approx(12_000)
    assert float(year.reward_on_incremental) == pytest.approx(1_200)
    assert float(year.net) == pytest.approx(16_800)


@given(st.floats(1e4, 1e8), st.floats(0.1, 0.8), st.floats(0.001, 0.09), st.floats(0, 1e5))
def test_the_break_even_lift_zeroes_the_net(revenue, margin, reward, fixed):
    lift = break_even_lift(revenue, margin, reward, fixed)
    year = incremental_margin(revenue, margin, lift, reward, 1.0, 1.0, fixed)
    assert float(year.net) == pytest.approx(0, abs=1e-9 * revenue)


def test_no_lift_pays_for_rewards_above_the_margin():
    assert isinstance(break_even_lift(1000, 0.1, 0.1, 0), Unavailable)


def earned(rate, margin, response, cost):
    """By a unit of spend."""
    lift = response.lift(rate)
    return margin * lift - rate * cost * (1 + lift)


def test_a_first_flow_of_nothing_changes_no_rate_of_return():
    flows = [-100.0, 39, 59, 55, 20]
    assert internal_rate_of_return([0.0, *flows]) == pytest.approx(internal_rate_of_return(flows))


@given(st.floats(0.05, 0.8), st.floats(0.02, 0.5), st.floats(0.2, 1.2), st.floats(0.005, 0.05))
def test_the_best_reward_cannot_be_improved(margin, maximum, cost, half):
    response = LiftResponse(maximum, half)
    best = best_value_rate(margin, response, cost, 1.0)
    grid = [earned(rate, margin, response, cost) for rate in np.linspace(0, 1, 401)]
    assert earned(best, margin, response, cost) >= max(grid) - 1e-12
    assert earned(best, margin, response, cost) >= -1e-12


def test_a_free_point_is_given_as_often_as_may_be_and_a_negative_margin_never():
    response = LiftResponse(0.12, 0.02)
    assert best_value_rate(0.4, response, 0.0, 0.1) == 0.1
    assert best_value_rate(-0.1, response, 0.75, 0.1) == 0
    assert best_value_rate(0.4, LiftResponse(-0.05, 0.02), 0.75, 0.1) == 0


def test_a_lift_seen_at_a_reward_lies_on_the_curve_through_it():
    assert LiftResponse.through(0.05, 0.01, 0.02).lift(0.01) == pytest.approx(0.05)
    with pytest.raises(ValueError, match="above 0"):
        LiftResponse.through(0.05, 0.0, 0.02)


@given(st.floats(0, 0.5), st.floats(1e-6, 0.5))
def test_lift_rises_with_the_reward_and_stays_below_its_maximum(value_rate, more):
    response = LiftResponse(0.12, 0.02)
    assert response.lift(value_rate) < response.lift(value_rate + more) < 0.12


def test_half_of_the_maximum_lift_is_reached_at_the_half_rate():
    assert LiftResponse(0.12, 0.02).lift(0.02) == pytest.approx(0.06)


def test_scenarios_are_evaluated_together():
    year = incremental_margin(np.array([100.0, 200.0]), 0.5, 0.1, 1.0, 1.0, 0.01, 0.0)
    assert year.net.tolist() == pytest.approx([3.9, 7.8])
