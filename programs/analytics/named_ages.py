"""Which months of issue outflows that name none took from, if they are as old as those that name one.

Where a part of the redemptions names its month of issue, by chance, that part tells how old points are when
they are redeemed: at each age so many of the points issued. The others take from the months of issue in
proportion to that. Neither first in first out nor newest first has to be believed then; how few redemptions
name their month is the error. A share that named more later and less before counts month by month.
Source: the additive method (see ``outlook``) on a sample of the redemptions, with the error of sampling
without replacement; Cochran, "Sampling Techniques" (1977), chapter 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

FEWEST_NAMED = 30.0
"""Redemptions of equal size: fewer do not tell how old points are."""


@dataclass(frozen=True, slots=True, eq=False)
class NamedAges:
    """By age in months: ``rate`` redeemed / issued, with the error left by the ones that name no month."""

    rate: FloatArray
    error: FloatArray
    redemptions: float

    def moved(self, age: int, errors: float) -> FloatArray:
        """The rates if that of one ``age`` was so many of its errors higher; never below 0."""
        found = self.rate.copy()
        found[age] = max(found[age] + errors * self.error[age], 0.0)
        return found


def named_ages(
    issued: FloatArray, named: FloatArray, squares: FloatArray, unnamed: FloatArray
) -> NamedAges | None:
    """None where too few redemptions name their month of issue.

    ``issued`` (months,) points; ``named`` (months of issue, months) points redeemed that name their month,
    ``squares`` the sums of the squares of the points of each such redemption; ``unnamed`` (months,) points
    redeemed that name none.
    """
    total, square = float(named.sum()), float(squares.sum())
    count = total**2 / square if square > 0 else 0.0
    if count < FEWEST_NAMED:
        return None
    months = issued.size
    in_month = named.sum(axis=0)
    all_ = in_month + unnamed
    share = np.divide(in_month, all_, out=np.zeros(months), where=all_ > 0)
    rate, error = np.zeros(months), np.zeros(months)
    single = square / total  # points, as large as a redemption is
    for age in range(months):
        exposure = float(issued[: months - age] @ share[age:])
        if exposure <= 0:
            continue
        rate[age] = float(np.diagonal(named, age).sum()) / exposure
        # Of an age that no redemption names half of one may have been missed.
        left = float(np.diagonal(squares, age) @ (1 - share[age:]))
        error[age] = np.sqrt(left or single**2 / 2) / exposure
        if not left and age:  # of few points issued half a redemption would be more than the age before had
            error[age] = min(error[age], rate[age - 1] + error[age - 1])
    return NamedAges(rate, error, count)


def as_the_named(issued: FloatArray, taken: FloatArray, unnamed: FloatArray, rate: FloatArray) -> FloatArray:
    """Points by (month of issue, month): ``unnamed`` (months,) laid over the months of issue in proportion to
    ``issued`` × the ``rate`` of their age, never more of a month than it has left after ``taken`` (months,).

    What no month of issue has left for lies nowhere: the columns then add up to less than ``unnamed``.
    """
    months = issued.size
    left = np.maximum(issued - taken, 0.0)
    placed = np.zeros((months, months))
    for now in range(months):
        wanted = float(unnamed[now])
        pull = issued[: now + 1] * rate[: now + 1][::-1]
        for _ in range(months):  # a month that has no more leaves its part to the others
            there = left[: now + 1] > 0
            weight = np.where(there, pull, 0.0)
            if weight.sum() <= 0:
                weight = np.where(there, left[: now + 1], 0.0)
            if wanted <= 1e-9 or weight.sum() <= 0:
                break
            part = np.minimum(wanted * weight / weight.sum(), left[: now + 1])
            placed[: now + 1, now] += part
            left[: now + 1] -= part
            wanted -= float(part.sum())
    return placed


def within(left: FloatArray, wished: FloatArray) -> FloatArray:
    """``wished`` points (months of issue,) as far as they are ``left``; the rest of the oldest that are."""
    taken = np.minimum(wished, left)
    rest = float(wished.sum() - taken.sum())
    before = np.cumsum(left - taken) - (left - taken)
    return taken + np.clip(rest - before, 0.0, left - taken)
