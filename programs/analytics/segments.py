"""Recency, frequency and monetary value: scores and the segments marketers name after them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from programs.analytics.segment_names import SEGMENTS

IntArray = NDArray[np.int64]

# Row: recency score 1 (long ago) to 5 (just now). Column: mean of frequency and monetary score.
_GRID = np.array(
    [
        [9, 9, 7, 8, 8],
        [9, 9, 7, 7, 7],
        [6, 6, 5, 1, 1],
        [4, 2, 2, 1, 0],
        [3, 2, 2, 0, 0],
    ],
    dtype=np.int64,
)


@dataclass(frozen=True, slots=True, eq=False)
class RfmScores:
    """Scores 1..5 per member (5 is best) and the index of the segment in ``SEGMENTS``."""

    recency: IntArray
    frequency: IntArray
    monetary: IntArray
    segment: IntArray


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One named segment; shares are of all members and of all monetary value."""

    name: str
    members: int
    share_of_members: float
    monetary: float
    share_of_monetary: float
    median_recency: float
    mean_frequency: float


def quintiles(values: ArrayLike) -> IntArray:
    """Score 1..5 by mid-rank: equal values always share a score, whatever the order of rows.

    Quintiles of tied data cannot be of equal size; a fifth that exists only by row order is noise.
    """
    array = np.asarray(values, dtype=float)
    fraction = (rankdata(array, method="average") - 0.5) / max(array.size, 1)
    return np.asarray(np.floor(fraction * 5 + 1e-12) + 1, dtype=np.int64)


def rfm_scores(recency_days: ArrayLike, frequency: ArrayLike, monetary: ArrayLike) -> RfmScores:
    """Score members by RFM quintiles (Hughes 1994) and name their segment.

    ``recency_days`` days since the last purchase, ``frequency`` purchases, ``monetary`` money;
    one entry a member. Raises ValueError on different lengths or missing values.
    """
    columns = [np.asarray(column, dtype=float) for column in (recency_days, frequency, monetary)]
    if len({column.shape for column in columns}) != 1:
        raise ValueError("Recency, frequency and monetary value need one entry per member each.")
    if any(not np.isfinite(column).all() for column in columns):
        raise ValueError("Members without a purchase have no RFM score; leave them out and say so.")
    recency, often, money = quintiles(-columns[0]), quintiles(columns[1]), quintiles(columns[2])
    worth = (often + money + 1) // 2  # halves count upwards
    return RfmScores(recency, often, money, _GRID[recency - 1, worth - 1])


def summarise_segments(
    scores: RfmScores, recency_days: ArrayLike, frequency: ArrayLike, monetary: ArrayLike
) -> tuple[SegmentRow, ...]:
    """Size and weight of each segment that has members, in the order of ``SEGMENTS``."""
    recency, often, money = (
        np.asarray(column, dtype=float) for column in (recency_days, frequency, monetary)
    )
    total = float(money.sum())
    rows = []
    for index, name in enumerate(SEGMENTS):
        inside = scores.segment == index
        members = int(inside.sum())
        if members == 0:
            continue
        value = float(money[inside].sum())
        rows.append(
            SegmentRow(
                name=name,
                members=members,
                share_of_members=members / money.size,
                monetary=value,
                share_of_monetary=value / total if total else 0.0,
                median_recency=float(np.median(recency[inside])),
                mean_frequency=float(often[inside].mean()),
            )
        )
    return tuple(rows)
