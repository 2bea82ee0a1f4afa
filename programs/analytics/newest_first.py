"""Which months of issue outflows that name none took from, if members spent their newest points first.

A ledger that names no month of issue cannot tell. First in first out is how most book; members who let old
points lie and spend new ones look, so booked, as if they used nearly all. Newest first is the other end: what
is between the two is what such a ledger leaves open.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MEMBERS_AT_ONCE = 20_000


def newest_first(
    member: IntArray, month: IntArray, left: FloatArray, outflows: dict[str, FloatArray], *, oldest: str
) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Points by kind of outflow: (months of issue, months), and (months,) that no issue covers.

    One entry a member and month in ``member``, ``month`` (from 0), ``left`` (points issued) and each of
    ``outflows``. Within a month points are issued before any leave. Of kind ``oldest`` the oldest leave.
    """
    months = int(month.max()) + 1 if month.size else 0
    placed = {kind: np.zeros((months, months)) for kind in outflows}
    uncovered = {kind: np.zeros(months) for kind in outflows}
    for chosen, row, members in _chunks(member):
        out = {
            kind: _dense(row, month[chosen], flow[chosen], members, months) for kind, flow in outflows.items()
        }
        issued = _dense(row, month[chosen], left[chosen], members, months)
        there = np.zeros((members, months))
        for now in range(months):
            there[:, now] += issued[:, now]
            for kind, flow in out.items():
                wanted = flow[:, now].copy()
                order = range(now + 1) if kind == oldest else range(now, -1, -1)
                for vintage in order:
                    if not wanted.any():
                        break
                    taken = np.minimum(there[:, vintage], wanted)
                    there[:, vintage] -= taken
                    wanted -= taken
                    placed[kind][vintage, now] += taken.sum()
                uncovered[kind][now] += wanted.sum()
    return placed, uncovered


def _chunks(member: IntArray) -> Iterator[tuple[NDArray[np.bool_], IntArray, int]]:
    """Some members at once: which entries are theirs, the row of each, and how many members they are."""
    _, row = np.unique(member, return_inverse=True)
    for start in range(0, int(row.max()) + 1 if row.size else 0, MEMBERS_AT_ONCE):
        chosen = (row >= start) & (row < start + MEMBERS_AT_ONCE)
        yield chosen, row[chosen] - start, int(row[chosen].max()) - start + 1


def _dense(row: IntArray, month: IntArray, points: FloatArray, members: int, months: int) -> FloatArray:
    found = np.zeros((members, months))
    np.add.at(found, (row, month), points)
    return found
