import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.segments import SEGMENTS, quintiles, rfm_scores, summarise_segments

members = st.lists(
    st.tuples(st.integers(0, 400), st.integers(1, 20), st.integers(0, 1000)), min_size=1, max_size=60
)


def test_quintiles_of_distinct_values_are_of_equal_size():
    assert np.bincount(quintiles(np.arange(100)))[1:].tolist() == [20] * 5


def test_equal_values_share_a_score():
    assert quintiles([1, 1, 1, 1, 9]).tolist() == [3, 3, 3, 3, 5]


@given(st.lists(st.integers(-100, 100), min_size=1, max_size=50))
def test_a_higher_value_never_scores_lower(values):
    order = np.argsort(values)
    assert (np.diff(quintiles(values)[order]) >= 0).all()


@given(members, st.randoms(use_true_random=False))
def test_row_order_changes_nobodys_segment(rows, random):
    shuffled = list(range(len(rows)))
    random.shuffle(shuffled)
    columns = np.array(rows, dtype=float).T
    assert (rfm_scores(*columns).segment[shuffled] == rfm_scores(*columns[:, shuffled]).segment).all()


@given(members)
def test_segments_cover_all_members_and_all_money(rows):
    columns = np.array(rows, dtype=float).T
    summary = summarise_segments(rfm_scores(*columns), *columns)
    assert sum(row.members for row in summary) == len(rows)
    assert sum(row.monetary for row in summary) == columns[2].sum()


def test_recent_frequent_spenders_are_champions_and_silent_ones_cannot_be_lost():
    recency = [1, 400, 100, 200, 300]
    worth = [50, 49, 3, 2, 1]
    segment = rfm_scores(recency, worth, worth).segment
    assert [SEGMENTS[index] for index in segment[:2]] == ["Champions", "Cannot lose"]


def test_members_without_a_purchase_are_refused():
    with pytest.raises(ValueError, match="leave them out"):
        rfm_scores([np.nan], [0], [0])
