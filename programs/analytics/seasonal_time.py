"""Time as the season of orders runs it: a day of a strong December counts for several of a January.

A customer who buys by chance at a rate that follows the season buys at an even rate in this time, so
survival models read purchases in it and take a quiet month after a strong one for what it is. Customers leave
by the calendar (Pareto/NBD) or after purchases (MBG/NBD), whatever the season. Sources: Cox & Lewis, "The
Statistical Analysis of Series of Events" (1966), for the change of time; Bachmann, Meierer & Näf, "The role
of time-varying contextual factors in latent attrition models for customer base analysis", Marketing Science
40 (2021), for purchases that follow it while leaving does not.

The season is what came back: repeat purchases of each part of the year over those expected without a season,
in two years or more, drawn to none as far as the years disagree; none at all where chance explains it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator
from scipy.stats import f as f_distribution

FloatArray = NDArray[np.float64]

A_YEAR = 365.25
PARTS = 24
FEWEST_A_PART = 5.0
"""Repeat purchases expected in a part of the year: fewer tell no season."""
FEWEST_YEARS = 2
SURELY = 0.001
_FINE = np.linspace(0.0, 1.0, 1462)
"""Quarters of a day: between them time runs evenly."""
LEAST = 0.02
"""Of an average rate: a shop that is closed sells as good as nothing."""


@dataclass(frozen=True)
class Clock:
    """``rates``: of each part of the year before the end of the data, the oldest part first, purchases over
    those of an average part; ``errors`` standard errors of their logarithms; ``year`` its length in the unit
    of time of the data; ``ago`` how long before the end of these years the clock reads 0."""

    rates: tuple[float, ...]
    errors: tuple[float, ...]
    year: float = A_YEAR
    ago: float = 0.0

    def in_unit(self, days: float) -> Clock:
        """For data whose unit of time is so many days."""
        return replace(self, year=self.year / days, ago=self.ago / days)

    def before(self, time: float) -> Clock:
        """For data that end so much earlier."""
        return replace(self, ago=self.ago + time)

    def at(self, time: ArrayLike) -> FloatArray:
        """Seasonal time from the end of the data to ``time``, which is below 0 in the past."""
        when = (np.asarray(time, dtype=np.float64) - self.ago) / self.year
        whole = np.floor(when)
        return np.asarray((whole + self._within(when - whole)) * self.year - self._zero)

    def since(self, first: ArrayLike, time: ArrayLike) -> FloatArray:
        """Seasonal time from ``first``, so long before the end, to ``time`` after it."""
        begin = -np.asarray(first, dtype=np.float64)
        return np.asarray(self.at(begin + np.asarray(time, dtype=np.float64)) - self.at(begin))

    def neighbours(self) -> list[tuple[Clock, Clock]]:
        """Clocks one standard error below and above in each part of the year."""
        found = []
        for part, error in enumerate(self.errors):
            log = np.log(self.rates)
            pair = []
            for side in (-1, 1):
                moved = log.copy()
                moved[part] += side * error
                pair.append(replace(self, rates=_even(moved)))
            found.append((pair[0], pair[1]))
        return found

    def _within(self, share: FloatArray) -> FloatArray:
        """Seasonal time from the beginning of a year to ``share`` of it, as a share of the year."""
        return np.interp(share, _FINE, self._table)

    @cached_property
    def _table(self) -> FloatArray:
        edges = np.linspace(0.0, 1.0, len(self.rates) + 1)
        upto = np.append(0.0, np.cumsum(self.rates)) / sum(self.rates)
        return np.asarray(PchipInterpolator(edges, upto)(_FINE))

    @cached_property
    def _zero(self) -> float:
        when = -self.ago / self.year
        whole = np.floor(when)
        return float((whole + self._within(np.asarray(when - whole))) * self.year)


def years_of(history: float) -> int:
    """Whole years in so many days."""
    return int(history // A_YEAR)


def edges_of(years: int, parts: int = PARTS) -> FloatArray:
    """Days before the end at which the parts of these years begin, the oldest first, and 0."""
    return np.linspace(years * A_YEAR, 0.0, years * parts + 1)


def came_back(bought: FloatArray, expected: FloatArray) -> Clock | None:
    """From (years, parts) repeat purchases and those expected without a season, the oldest year and part
    first.

    None where too few are expected in a part of the last two years, or the years agree no more on the parts
    than chance would have it.
    """
    enough = expected.min(axis=1) >= FEWEST_A_PART
    years = int(np.argmin(enough[::-1])) if not enough.all() else enough.size
    if years < FEWEST_YEARS:
        return None
    bought, expected = bought[-years:], expected[-years:]
    parts = bought.shape[1]
    apart = np.log(np.maximum(bought, LEAST * expected) / expected)
    apart = apart - apart.mean(axis=1, keepdims=True)
    value = apart.mean(axis=0)
    among = float(((apart - value) ** 2).sum()) / ((years - 1) * (parts - 1))
    by_chance = (1 / np.maximum(bought, 1.0)).mean(axis=0)
    statistic = years * float((value**2).sum()) / (parts - 1) / max(among, float(by_chance.mean()))
    if f_distribution.sf(statistic, parts - 1, (years - 1) * (parts - 1)) > SURELY:
        return None
    own = apart.var(axis=0, ddof=1)
    error = np.sqrt(np.maximum(np.maximum(own, among), by_chance) / years)
    weight = value**2 / (value**2 + error**2)
    left = np.hypot(weight * error, (1 - weight) * value)
    return Clock(_even(weight * value), tuple(float(each) for each in left))


def _even(log: FloatArray) -> tuple[float, ...]:
    rates = np.maximum(np.exp(log), LEAST)
    return tuple(float(each) for each in rates / rates.mean())
