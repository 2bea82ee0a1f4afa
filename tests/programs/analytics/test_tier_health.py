import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from programs.analytics.estimate import Unavailable
from programs.analytics.tier_health import ABSENT, count_moves, tier_migration, tier_mix

NAMES = ("Member", "Silver", "Gold")
MOVES = [[70, 20, 5, 5], [10, 60, 20, 10], [0, 0, 0, 0]]
tier_pairs = st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 2)), max_size=60)


def test_mix_gives_shares_of_both_windows():
    first, *_ = tier_mix(NAMES, [60, 30, 10], [80, 20, 0])
    assert (first.share.numerator, first.share.denominator, first.share.value) == (60, 100, 0.6)
    assert first.share_before.value == 0.8
    assert tier_mix(NAMES, [60, 30, 10])[0].share_before is None


def test_mix_of_no_members_is_unavailable():
    assert isinstance(tier_mix(NAMES, [0, 0, 0])[0].share, Unavailable)


def test_mix_needs_a_count_per_tier():
    with pytest.raises(ValueError):
        tier_mix(NAMES, [1, 2])


def test_cells_are_row_shares_with_wilson_intervals():
    found = tier_migration(NAMES, MOVES, [7, 0, 0])
    cell = found.cells[0][1]
    assert (cell.value, cell.numerator, cell.denominator) == (0.2, 20, 100)
    assert (cell.low, cell.high) == pytest.approx(proportion_confint(20, 100, method="wilson"))
    assert found.states == ("Member", "Silver", "Gold", "left")


def test_totals_name_upgrades_downgrades_and_those_who_left():
    found = tier_migration(NAMES, MOVES, [7, 0, 0])
    moves = found.upgraded, found.stayed, found.downgraded, found.left
    assert [move.numerator for move in moves] == [45, 130, 10, 15]
    assert {move.denominator for move in moves} == {200}


def test_a_tier_nobody_was_in_has_no_rates():
    assert all(isinstance(cell, Unavailable) for cell in tier_migration(NAMES, MOVES, [0, 0, 0]).cells[2])


def test_moves_are_counted_from_members():
    moves, joined = count_moves([0, 0, 1, 2, ABSENT, ABSENT], [0, 1, ABSENT, 2, 1, ABSENT], 3)
    assert moves.tolist() == [[1, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]
    assert joined.tolist() == [0, 1, 0]


@given(tier_pairs, st.randoms())
def test_every_member_is_counted_once_in_any_order(pairs, random):
    before, after = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    moves, joined = count_moves(before, after, 3)
    assert moves.sum() == (before != ABSENT).sum()
    assert moves[:, :3].sum(axis=0).tolist() == [
        int(((after == tier) & (before != ABSENT)).sum()) for tier in range(3)
    ]
    assert joined.sum() == ((before == ABSENT) & (after != ABSENT)).sum()
    shuffled = np.array(random.sample(pairs, len(pairs)), dtype=np.int64).reshape(-1, 2).T
    assert (count_moves(*shuffled, 3)[0] == moves).all()


@given(tier_pairs, tier_pairs)
def test_moves_add_up_over_any_split_of_the_members(first, second):
    def moves(pairs) -> np.ndarray:
        return count_moves(*np.array(pairs, dtype=np.int64).reshape(-1, 2).T, 3)[0]

    assert (moves(first + second) == moves(first) + moves(second)).all()


@pytest.mark.parametrize("before, after", [([0], [3]), ([-2], [0]), ([0, 1], [0])])
def test_tiers_out_of_range_are_refused(before, after):
    with pytest.raises(ValueError):
        count_moves(before, after, 3)


@pytest.mark.parametrize(
    "counts, joined",
    [([[1, 2]], [0, 0, 0]), (MOVES, [0]), ([[-1, 0, 0, 0], [0] * 4, [0] * 4], [0, 0, 0])],
)
def test_matrices_that_do_not_fit_are_refused(counts, joined):
    with pytest.raises(ValueError):
        tier_migration(NAMES, counts, joined)
