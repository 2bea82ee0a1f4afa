"""How members spread over the tiers, and how they moved between two windows, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from programs.analytics.estimate import MaybeEstimate
from programs.analytics.rates import wilson_rate

IntArray = NDArray[np.int64]

#: The state of whoever was no member then: not yet before the window, or no longer after it.
ABSENT = -1
LEFT = "left"


@dataclass(frozen=True, slots=True)
class TierShare:
    """One tier's share of all members now and, where known, in the window before."""

    name: str
    share: MaybeEstimate
    share_before: MaybeEstimate | None


def tier_mix(
    names: Sequence[str], members: Sequence[int], members_before: Sequence[int] | None = None
) -> tuple[TierShare, ...]:
    """Share of each tier with Wilson's interval; counts in the order of ``names``."""
    previous = members if members_before is None else members_before
    if not len(names) == len(members) == len(previous):
        raise ValueError("Each tier needs its number of members.")
    total, total_before = sum(members), sum(previous)
    return tuple(
        TierShare(
            name,
            wilson_rate(now, total),
            None if members_before is None else wilson_rate(then, total_before),
        )
        for name, now, then in zip(names, members, previous, strict=True)
    )


@dataclass(frozen=True, slots=True, eq=False)
class TierMigration:
    """Moves between two windows.

    ``counts`` (tiers, tiers + 1): from tier to tier, the last column those who left. ``cells`` are its row
    shares, each with Wilson's interval; a tier nobody was in has ``Unavailable`` cells. ``joined`` (tiers,)
    were no members before and are in no row.
    """

    names: tuple[str, ...]
    counts: IntArray
    joined: IntArray
    cells: tuple[tuple[MaybeEstimate, ...], ...]
    upgraded: MaybeEstimate
    stayed: MaybeEstimate
    downgraded: MaybeEstimate
    left: MaybeEstimate

    @property
    def states(self) -> tuple[str, ...]:
        """Column names."""
        return (*self.names, LEFT)


def count_moves(before: ArrayLike, after: ArrayLike, tiers: int) -> tuple[IntArray, IntArray]:
    """Moves (tiers, tiers + 1) and joiners (tiers,) from one pair of tier indexes per member.

    Indexes run from the lowest tier 0; ``ABSENT`` stands for no membership.
    """
    old, new = np.asarray(before, dtype=np.int64), np.asarray(after, dtype=np.int64)
    if old.shape != new.shape:
        raise ValueError("Each member needs a tier before and after.")
    for index in (old, new):
        if ((index < ABSENT) | (index >= tiers)).any():
            raise ValueError(f"Tiers are indexes 0 to {tiers - 1}, or {ABSENT} for no member.")
    # Absence after the window takes the place after the highest tier, in a flat count of pairs.
    state = np.where(new == ABSENT, tiers, new)
    member = old != ABSENT
    flat = np.bincount(old[member] * (tiers + 1) + state[member], minlength=tiers * (tiers + 1))
    joined = np.bincount(new[~member & (new != ABSENT)], minlength=tiers)
    return flat.reshape(tiers, tiers + 1).astype(np.int64), joined.astype(np.int64)


def tier_migration(names: Sequence[str], counts: ArrayLike, joined: ArrayLike) -> TierMigration:
    """Shares of moves with intervals, from counts as ``count_moves`` gives them; lowest tier first."""
    moves, new = np.asarray(counts, dtype=np.int64), np.asarray(joined, dtype=np.int64)
    tiers = len(names)
    if moves.shape != (tiers, tiers + 1) or new.shape != (tiers,):
        raise ValueError("Moves need a row per tier and a column per tier and for those who left.")
    if (moves < 0).any() or (new < 0).any():
        raise ValueError("Moves are counts.")
    between, total = moves[:, :tiers], int(moves.sum())
    rows = [int(row) for row in moves.sum(axis=1)]
    return TierMigration(
        names=tuple(names),
        counts=moves,
        joined=new,
        cells=tuple(
            tuple(wilson_rate(int(count), row) for count in line)
            for line, row in zip(moves, rows, strict=True)
        ),
        upgraded=wilson_rate(int(np.triu(between, 1).sum()), total),
        stayed=wilson_rate(int(np.trace(between)), total),
        downgraded=wilson_rate(int(np.tril(between, -1).sum()), total),
        left=wilson_rate(int(moves[:, tiers].sum()), total),
    )
