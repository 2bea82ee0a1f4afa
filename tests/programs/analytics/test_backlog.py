from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.backlog import ProposedAction, prioritise
from programs.analytics.estimate import Estimate, Unavailable

ITEM = ProposedAction("Win back", "CRM", date(2026, 3, 1), 0.6, Estimate(0.5, 0.2, 0.9), 1000, 12.0, 5.0)


def test_value_is_chance_times_effect_times_volume_times_margin():
    (ranked,) = prioritise([ITEM])
    value, score = ranked.expected_value, ranked.per_effort
    assert (value.value, value.low, value.high) == pytest.approx((3600, 1440, 6480))
    assert (score.value, score.low, score.high) == pytest.approx((720, 288, 1296))


def test_best_value_per_day_of_work_comes_first():
    quick, big = replace(ITEM, action="Quick", effort=1), replace(ITEM, action="Big", volume=2000)
    loss = replace(ITEM, action="Loss", margin=-1.0)
    assert [row.item.action for row in prioritise([ITEM, loss, big, quick])] == [
        "Quick",
        "Big",
        "Win back",
        "Loss",
    ]


def test_a_negative_margin_turns_the_interval_round():
    (ranked,) = prioritise([replace(ITEM, margin=-12.0)])
    assert ranked.expected_value.low < ranked.expected_value.value < ranked.expected_value.high


def test_an_effect_without_an_interval_stays_without():
    (ranked,) = prioritise([replace(ITEM, effect=Estimate(0.5))])
    assert (ranked.expected_value.low, ranked.expected_value.high) == (None, None)


def test_labour_is_taken_off_and_what_does_not_pay_for_it_ranks_last_but_stays():
    small = replace(ITEM, action="Small", volume=6)
    first, last = prioritise([small, ITEM], person_day_cost=400.0)
    assert (first.expected_value.value, first.labour) == pytest.approx((3600 - 2000, 2000))
    assert (first.expected_value.low, first.expected_value.high) == pytest.approx((1440 - 2000, 6480 - 2000))
    assert first.per_effort.value == pytest.approx(1600 / 5)
    assert (last.item.action, last.expected_value.value < 0) == ("Small", True)


@given(st.permutations([replace(ITEM, action=str(n), effort=1 + n % 3) for n in range(6)]))
def test_rank_does_not_depend_on_the_order_given(items):
    assert [row.item.action for row in prioritise(items)] == ["0", "3", "1", "4", "2", "5"]


@pytest.mark.parametrize("change", [{"chance_to_win": 1.1}, {"effort": 0}, {"volume": -1}])
def test_items_that_make_no_sense_are_refused(change):
    with pytest.raises(ValueError, match="Win back"):
        replace(ITEM, **change)


def test_without_a_margin_the_value_is_not_known_and_the_count_ranks_behind_what_has_one():
    few, many = (
        replace(ITEM, action=name, margin=None, volume=v) for name, v in (("Few", 10), ("Many", 900))
    )
    loss = replace(ITEM, action="Loss", margin=-1.0)
    ranked = prioritise([few, many, loss], person_day_cost=400)
    assert [row.item.action for row in ranked] == ["Loss", "Many", "Few"]
    assert all(isinstance(row.expected_value, Unavailable) for row in ranked[1:])
    assert [row.expected_count for row in ranked[1:]] == pytest.approx([0.6 * 0.5 * 900, 0.6 * 0.5 * 10])
