import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.migration import member_value, member_value_interval, transition_probabilities

MOVES = [[70, 20, 10], [15, 60, 25], [0, 0, 1]]


def test_value_of_a_single_state_is_the_geometric_series():
    assert member_value([[0.8]], [100.0], 0.1) == pytest.approx([100 / (1 - 0.8 / 1.1)])


@given(st.floats(0.01, 0.5))
def test_value_equals_reward_now_plus_discounted_value_after_the_move(discount_rate):
    transitions, margin = transition_probabilities(MOVES), np.array([10.0, 40.0, 0.0])
    value = member_value(transitions, margin, discount_rate)
    assert value == pytest.approx(margin + transitions @ value / (1 + discount_rate))


def test_infinite_value_is_refused():
    with pytest.raises(ValueError, match="infinitely"):
        member_value([[1.0]], [1.0], 0.0)


def test_a_state_nobody_was_in_is_refused():
    with pytest.raises(ValueError, match="at least one member"):
        transition_probabilities([[1, 1], [0, 0]])


def test_value_interval_is_reproducible_and_holds_the_value():
    first, second = (
        member_value_interval(MOVES, [10.0, 40.0, 0.0], 0.1, generator=np.random.default_rng(7), draws=500)
        for _ in range(2)
    )
    assert (first.low == second.low).all()
    assert (first.low[:2] < first.value[:2]).all()
    assert (first.value[:2] < first.high[:2]).all()


def test_members_who_left_stay_away_and_are_worth_nothing():
    interval = member_value_interval(MOVES, [10.0, 40.0, 0.0], 0.1, generator=np.random.default_rng(7))
    assert (interval.low[2], interval.value[2], interval.high[2]) == (0, 0, 0)
