import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.revenue import allocate_price, recognise_points, roll_forward


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
