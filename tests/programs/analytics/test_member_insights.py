import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.mbg_nbd import MbgNbd
from programs.analytics.member_insights import (
    InsightPolicy,
    PlayKind,
    on_course_for_upgrade,
    select_plays,
    slipping_away,
    within_reach,
)

THRESHOLDS = (0.0, 100.0, 300.0)
POLICY = InsightPolicy()
MODEL = MbgNbd(0.2426, 4.4135, 0.7929, 1.4258)
NAN = np.nan


def test_a_nudge_counts_what_is_missing_to_the_next_tier():
    missing = within_reach([85, 79, 100, 250, 500, 0], [0, 0, 0, 1, 2, 0], THRESHOLDS, 0.2)
    assert missing.tolist() == pytest.approx([15, NAN, NAN, 50, NAN, NAN], nan_ok=True)


def test_the_edge_of_reach_belongs_to_it():
    assert within_reach([80], [0], THRESHOLDS, 0.2).tolist() == [20]


def test_an_upgrade_is_a_projection_above_the_tier_held():
    stake = on_course_for_upgrade([40, 40, 150, 120], [120, 99, 310, 250], [0, 0, 1, 1], THRESHOLDS)
    assert stake.tolist() == pytest.approx([80, NAN, 160, NAN], nan_ok=True)


def test_a_frequent_member_gone_quiet_is_slipping_away():
    frequency, recency, age = [8, 8, 1, 8, 0], [30, 37, 20, 2, 0], [38.86] * 5
    value = slipping_away(MODEL, frequency, recency, age, np.full(5, 10.0), POLICY)
    assert (~np.isnan(value)).tolist() == [True, False, False, False, False]
    gone = 1 - MODEL.probability_alive(8, 30, 38.86)
    bought = MODEL.expected_purchases_while_alive(52, 8, 38.86)
    assert value[0] == pytest.approx(float(gone * bought * 10))


def test_a_member_belongs_to_one_play_and_win_back_comes_first():
    found = select_plays(
        THRESHOLDS,
        spend=[85, 85, 40, 10, NAN, NAN],
        projected_spend=[120, 120, 120, 20, 50, NAN],
        tier=[0] * 6,
        slipping_value=[500, NAN, NAN, NAN, 70, NAN],
        policy=POLICY,
    )
    win_back, nudge, upgrade = found.plays
    assert (win_back.kind, win_back.rows.tolist()) == (PlayKind.WIN_BACK, [0, 4])
    assert (nudge.kind, nudge.rows.tolist()) == (PlayKind.NUDGE, [1])
    assert (upgrade.kind, upgrade.rows.tolist()) == (PlayKind.UPGRADE, [2])
    assert (win_back.members, win_back.value_at_stake) == (2, 570)
    assert (found.judged, found.left_out) == (5, 1)


def test_the_list_runs_from_the_dearest_member_down():
    found = select_plays(THRESHOLDS, [90, 81, 85], [90, 81, 85], [0, 0, 0], np.full(3, NAN), POLICY)
    assert found.plays[1].rows.tolist() == [1, 2, 0]
    assert found.plays[1].value.tolist() == [19, 15, 10]


members = st.lists(
    st.tuples(
        st.one_of(st.floats(0, 500), st.just(NAN)),
        st.floats(0, 500),
        st.integers(0, 2),
        st.one_of(st.floats(0, 500), st.just(NAN)),
    ),
    min_size=1,
    max_size=40,
)


@given(members, st.randoms())
def test_plays_are_disjoint_and_do_not_depend_on_the_order_of_members(rows, random):
    order = random.sample(range(len(rows)), len(rows))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    found = select_plays(THRESHOLDS, *columns, POLICY)
    shuffled = select_plays(THRESHOLDS, *(column[order] for column in columns), POLICY)
    chosen = np.concatenate([play.rows for play in found.plays])
    assert np.unique(chosen).size == chosen.size
    assert found.judged + found.left_out == len(rows)
    for play, other in zip(found.plays, shuffled.plays, strict=True):
        assert set(play.rows.tolist()) == {order[row] for row in other.rows}
        assert play.value_at_stake == pytest.approx(other.value_at_stake)


@pytest.mark.parametrize("tier, spend", [([3], [1.0]), ([-1], [1.0]), ([0], [1.0, 2.0])])
def test_members_that_do_not_fit_are_refused(tier, spend):
    with pytest.raises(ValueError):
        select_plays(THRESHOLDS, spend, [1.0], tier, [NAN], POLICY)


@pytest.mark.parametrize("change", [{"reach": 0}, {"fall": 1}, {"frequent": 0}, {"lookback": 0}])
def test_policies_without_sense_are_refused(change):
    with pytest.raises(ValueError):
        InsightPolicy(**change)
