"""What season newcomers have: what came back from year to year, and what was seen once and may not.

A campaign makes one quarter high once; a season makes it high every year. So from two years on a season is
the mean of what the years show, drawn to none as far as they disagree. Where one year alone shows it, nobody
can tell the two apart: half of it is taken for a season, with an error that reaches to all of it and to none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

DAYS_A_YEAR = 365.0
A_YEAR, HALF_YEAR, QUARTER = 364.0, 182.0, 91.0
"""In whole weeks, as days of a week differ."""
MIDDLE = A_YEAR + QUARTER / 2
"""Days ago, of the quarter a year before the last one."""
FIRST_DAYS = 182.0
"""Of the data: whoever buys in them for the first time there may have been a customer before."""
FEWEST_NEWCOMERS = 30
MONTHS, QUARTERS, FEWEST_A_MONTH = 12, 4, 5
SEEN_ONCE = 0.5
"""Of what one year shows: the part that counts, as half of such quarters may not come back."""


@dataclass(frozen=True, slots=True)
class Season:
    """``level``: what the newcomers of the last quarter are multiplied by to be those of an average one.
    ``profile``: of each month ahead, newcomers over those of an average one; empty counts as even.
    ``years`` that show it; ``once`` is the level if what the one year shows is a season in full."""

    level: float
    standard_error: float
    profile: tuple[float, ...] = ()
    years: int = 2
    once: float = 1.0

    def of_days(self, days: ArrayLike) -> FloatArray:
        """What an average rate is multiplied by so many days ahead."""
        ahead = np.asarray(days, dtype=np.float64)
        if not self.profile:
            return np.ones_like(ahead)
        return np.array(self.profile)[(ahead / DAYS_A_YEAR * MONTHS).astype(int) % MONTHS]


def season_of(age: FloatArray) -> Season | None:
    """From the days since each customer's first order; None where the data are too short or too few joined.

    Two years and more are compared quarter by quarter and month by month, with a steady rise or fall taken
    out. Of less the same quarter a year before is held against the year around it, in whose middle it lies.
    """
    known = float(age.max()) + 1 - FIRST_DAYS
    years = int(known // A_YEAR)
    if years < 2:
        return _seen_once(age) if known >= MIDDLE + HALF_YEAR else None
    counts = _counts(age, years, QUARTERS)
    if counts.min() < FEWEST_NEWCOMERS:
        return None
    value, error = _came_back(counts)
    weight = _weight(value, error)
    share = np.exp(weight * value)
    left = float(np.hypot(weight * error, (1 - weight) * value)[0])
    return Season(float(share.mean() / share[0]), left, _profile(age, years), years)


def _seen_once(age: FloatArray) -> Season | None:
    quarter = float(((age >= A_YEAR) & (age < A_YEAR + QUARTER)).sum())
    around = float((np.abs(age + 0.5 - MIDDLE) < HALF_YEAR).sum())
    if min(quarter, around - quarter) < FEWEST_NEWCOMERS:
        return None
    distance = float(np.log(quarter * A_YEAR / (around * QUARTER)))
    error = float(np.sqrt(1 / quarter - 1 / around))
    told = _weight(distance, error) * distance
    left = float(np.hypot(np.hypot(error, distance - told), SEEN_ONCE * told))
    return Season(float(np.exp(-SEEN_ONCE * told)), left, (), 1, float(np.exp(-told)))


def _counts(age: FloatArray, years: int, parts: int) -> FloatArray:
    """(years, parts) newcomers, the latest year and the latest part of each first."""
    edges = np.arange(years * parts + 1) * A_YEAR / parts
    return np.histogram(age, edges)[0].astype(np.float64).reshape(years, parts)


def _came_back(counts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Of each part of the year the mean of ln (newcomers / those of an average part) over the years, and its
    standard error: how the years disagree there or, if that is more, in all parts or by chance."""
    years, parts = counts.shape
    seen = np.log(np.maximum(counts, 0.5))
    yearly = seen.mean(axis=1)
    pace = float((yearly[:-1] - yearly[1:]).mean())  # of a year
    seen = seen + pace * np.arange(parts) / parts
    apart = seen - seen.mean(axis=1, keepdims=True)
    among = apart.var(axis=0, ddof=1)
    chance = (1 / np.maximum(counts, 0.5)).mean(axis=0)
    return apart.mean(axis=0), np.sqrt(np.maximum(np.maximum(among, among.mean()), chance) / years)


def _weight(value: ArrayLike, error: ArrayLike) -> FloatArray:
    """How much of a value counts that may be chance."""
    squares = np.square(value)
    return np.asarray(squares / np.maximum(squares + np.square(error), 1e-12))


def _profile(age: FloatArray, years: int) -> tuple[float, ...]:
    """Newcomers of each month ahead over those of an average one, as far as that came back every year."""
    counts = _counts(age, years, MONTHS)
    if counts.sum() < years * MONTHS * FEWEST_A_MONTH:
        return ()
    value, error = _came_back(counts)
    # One weight for all months: what they differ by against how the years disagree.
    beyond = max(float((value**2).mean() - (error**2).mean()), 0.0)
    whole = beyond / (beyond + float((error**2).mean())) if beyond > 0 else 0.0
    share = np.exp(whole * _weight(value, error) * value)[::-1]  # the month a year ago is the next one
    return tuple(share / share.mean()) if beyond > 0 else ()
