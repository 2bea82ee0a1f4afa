import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.revenue import (
    allocate_price,
    catch_up,
    recognise_points,
    roll_forward,
    roll_forward_issues,
)


def test_ifrs_15_example_52_allocation():
    allocation = allocate_price(100_000, 100_000, 9_500)
    assert (round(allocation.goods), round(allocation.points)) == (91_324, 8_676)


def test_ifrs_15_example_52_revenue_with_cumulative_catch_up():
    schedule = recognise_points(
        allocate_price(100_000, 100_000, 9_500).points, [4_500, 8_500], [9_500, 9_700]
    )
    assert schedule.revenue.round().tolist() == [4_110, 3_493]
    assert schedule.liability.round().tolist() == [4_566, 1_073]


def test_delta_skymiles_roll_forward():
    balance = roll_forward(7_559, {"miles earned": 658, "miles redeemed": -543, "other": -30})
    assert balance.closing == 7_644


def test_more_redeemed_than_expected_is_refused():
    with pytest.raises(ValueError, match="stay within"):
        recognise_points(100, [50, 90], [80, 80])


@given(
    st.floats(1, 1e6),
    st.lists(st.tuples(st.floats(0, 100), st.floats(1, 2)), min_size=1, max_size=12),
)
def test_revenue_and_liability_always_sum_to_the_allocated_price(allocated, steps):
    redeemed = np.cumsum([step for step, _ in steps])
    expected = redeemed * [factor for _, factor in steps] + 1
    schedule = recognise_points(allocated, redeemed, expected)
    assert schedule.revenue.sum() + schedule.liability[-1] == pytest.approx(allocated)


@given(st.floats(0, 1e6), st.floats(1, 1e6), st.floats(0, 1e6))
def test_allocation_spends_the_price_exactly(price, goods, points):
    allocation = allocate_price(price, goods, points)
    assert allocation.goods + allocation.points == pytest.approx(price)


def test_issues_run_off_by_the_pattern_and_the_balances_follow():
    """12 a month, redeemed half in the month of issue and half in the next; three quarters of points are."""
    first, second = roll_forward_issues([12.0] * 6, [0.5, 1.0], 0.75)
    assert (first.opening, first.deferred, first.closing) == (0, 36, 6)
    assert (first.recognised, first.redeemed, first.breakage) == (30, 22.5, 7.5)
    assert (second.opening, second.deferred, second.recognised, second.closing) == (6, 36, 36, 6)


@given(st.lists(st.floats(0, 1e6), min_size=6, max_size=6), st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_what_is_deferred_is_recognised_or_still_there(deferred, steps):
    pattern = np.minimum(np.cumsum(steps) / max(sum(steps), 1.0), 1.0)
    periods = roll_forward_issues(deferred, pattern, 0.6)
    recognised = sum(period.recognised for period in periods)
    assert recognised + periods[-1].closing == pytest.approx(sum(deferred))
    assert all(period.closing >= -1e-6 for period in periods)


def test_a_pattern_that_falls_and_months_that_fill_no_quarter_are_refused():
    with pytest.raises(ValueError, match="rises from 0 to 1"):
        roll_forward_issues([1.0] * 3, [0.9, 0.4], 0.5)
    with pytest.raises(ValueError, match="whole periods"):
        roll_forward_issues([1.0] * 4, [1.0], 0.5)


def test_ifrs_15_example_52_catches_up_what_the_new_estimate_moves():
    allocated = allocate_price(100_000, 100_000, 9_500).points
    wanted = allocated * 4_500 * (1 / 9_700 - 1 / 9_500)
    assert catch_up(allocated, 4_500, 9_500, 9_700) == pytest.approx(wanted)
    assert wanted < 0
