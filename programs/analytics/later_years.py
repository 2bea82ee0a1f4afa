"""What a forecast beyond the first months needs beside survival: how newcomers become fewer, and how the
model errs at the ages that customers come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

from gtm.core.percents import percent_text
from programs.analytics.seasons import (
    A_YEAR,
    DAYS_A_YEAR,
    FEWEST_NEWCOMERS,
    FIRST_DAYS,
    QUARTER,
    Season,
)

FloatArray = NDArray[np.float64]

WEEK = 7
MOST_WEEKS, FEWEST_WEEKS = 52, 13
FAR_OFF = 4.0
"""Usual deviations: a week that is further off that of a year before had a campaign in one of the years."""
MOST_CAMPAIGNS = 0.25
"""Of the weeks: more are no campaigns."""
SURELY = 0.001
BINS, FEWEST_BINS = 8, 5
FEWEST_ORDERS = 10.0


class FallPace(StrEnum):
    """What becomes of a fall or a rise: its pace halves every year, it goes on, or it stops today."""

    FADING = "fading"
    GOES_ON = "goes on"
    STOPS = "stops"


@dataclass(frozen=True, slots=True)
class Arrivals:
    """``recent`` newcomers of ``weeks`` against those of the same weeks a year ``before``. ``a_year`` is the
    change of the logarithm of their rate, below 0 where it falls, drawn to 0 as far as chance may explain it;
    ``as_before`` is the change that was seen."""

    recent: int
    before: int
    weeks: int
    a_year: float
    standard_error: float
    as_before: float

    @property
    def fewer(self) -> float:
        """By which share they were fewer than a year before; below 0 where they were more."""
        return 1 - self.recent / self.before

    def rates(self, days: ArrayLike, pace: FallPace = FallPace.FADING, shift: float = 0.0) -> FloatArray:
        """What the rate is multiplied by ``days`` after it was measured; ``shift`` standard errors higher.

        A damped trend: carried on at full pace, trends are forecast too far (Gardner & McKenzie, "Forecasting
        trends in time series", Management Science 31, 1985; a factor of 0.94 a month here).
        """
        years = np.asarray(days, dtype=np.float64) / DAYS_A_YEAR
        if pace is FallPace.STOPS:
            return np.ones_like(years)
        error = shift * self.standard_error
        if pace is FallPace.GOES_ON:
            return np.exp((self.as_before + error) * years)
        return np.exp((self.a_year + error) * (1 - 0.5**years) / np.log(2))


def arrivals(age: FloatArray) -> Arrivals | None:
    """From the days since each customer's first order; None where the data are too short or too few joined.

    Seasons fall out, because the same weeks are compared. The change is drawn to 0 as far as chance may
    explain it: weeks scatter more than independent arrivals do, which is measured on the pairs of weeks.
    """
    weeks = int(min(MOST_WEEKS, (float(age.max()) + 1 - DAYS_A_YEAR - FIRST_DAYS) // WEEK))
    if weeks < FEWEST_WEEKS:
        return None
    edges = np.arange(weeks + 1, dtype=np.float64) * WEEK
    late, early = (np.histogram(age, edges + back)[0].astype(np.float64) for back in (0, MOST_WEEKS * WEEK))
    recent, before = float(late.sum()), float(early.sum())
    if min(recent, before) < FEWEST_NEWCOMERS:
        return None
    late, early = _without_campaigns(late, early)
    recent, before = float(late.sum()), float(early.sum())
    both, share = late + early, recent / (recent + before)
    seen = both > 0
    scatter = (late - share * both)[seen] ** 2 / (both[seen] * share * (1 - share))
    spread = max(float(scatter.sum()) / max(int(seen.sum()) - 1, 1), 1.0)
    change = float(np.log(recent / before))
    error = float(np.sqrt(spread * (1 / recent + 1 / before)))
    drawn = change**3 / (change**2 + error**2) if change else 0.0
    years = MOST_WEEKS * WEEK / DAYS_A_YEAR
    return Arrivals(int(recent), int(before), weeks, drawn / years, error / years, change / years)


def swing_of(age: FloatArray) -> float:
    """By how much a quarter of the last year departs from a steady rise or fall of newcomers, as a share; 0
    where chance explains it, or too few joined. It may be a season or not: a year shows each once."""
    if float(age.max()) + 1 < A_YEAR:
        return 0.0
    counts = np.histogram(age, np.arange(5) * QUARTER)[0].astype(np.float64)
    if counts.min() < FEWEST_NEWCOMERS:
        return 0.0
    at, height = np.arange(4.0), np.log(counts)
    slope, level = np.polyfit(at, height, 1, w=np.sqrt(counts))
    apart = height - level - slope * at
    surely = float(chi2.sf(float((counts * apart**2).sum()), 2)) < SURELY
    return float(np.expm1(np.abs(apart).max())) if surely else 0.0


def _without_campaigns(late: FloatArray, early: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Without the weeks whose newcomers are far from what the other weeks let expect in one of the years.

    The first look goes by the week in the middle: a great campaign moves the sums so far that every other
    week looks off, and hides among them.
    """
    both = late + early
    share = float(np.median((late / np.maximum(both, 1.0))[both > 0]))
    kept = np.zeros(late.size, dtype=bool)
    for _ in range(MOST_WEEKS):
        size = np.sqrt(np.maximum(both * share * (1 - share), 1.0))
        off = np.abs(late - share * both) / size
        usual = max(1.4826 * float(np.median(off)), 1.0)
        found = off <= FAR_OFF * usual
        if found.sum() < (1 - MOST_CAMPAIGNS) * late.size or min(late[found].sum(), early[found].sum()) <= 0:
            return late, early
        if (found == kept).all():
            break
        kept = found
        share = float(late[kept].sum() / both[kept].sum())
    return late[kept], early[kept]


@dataclass(frozen=True, slots=True)
class LateAges:
    """Money seen by age against the model's at later ages: ln ratio = ``level`` − ``hazard`` × days."""

    hazard: float
    level: float

    def factors(self, age: ArrayLike) -> FloatArray:
        """What the model's repeat orders at each age are multiplied by, at most 1."""
        return np.exp(np.minimum(self.level - self.hazard * np.asarray(age, dtype=np.float64), 0.0))


def late_ages(seen: FloatArray, expected: FloatArray, order: float, variation: float) -> LateAges | None:
    """From money by day of age, seen and expected of the customers who have come to it.

    ``order`` is the value of an order, ``variation`` its squared coefficient of variation. A weighted line
    through the later two thirds of the ages, whose slope is drawn to 0 as far as chance may explain it. None
    where it does not fall, or too few orders tell.
    """
    edges = np.linspace(seen.size // 3, seen.size, BINS + 1).astype(int)
    middle = (edges[:-1] + edges[1:]) / 2
    had, due = (
        np.array([money[a:b].sum() for a, b in zip(edges, edges[1:], strict=False)])
        for money in (seen, expected)
    )
    kept = (had > 0) & (due > FEWEST_ORDERS * order)
    count = int(kept.sum())
    if count < FEWEST_BINS:
        return None
    x, y, weight = middle[kept], np.log(had[kept] / due[kept]), due[kept] / due[kept].sum()
    centre, height = float(weight @ x), float(weight @ y)
    across = float(weight @ (x - centre) ** 2)
    slope = float(weight @ ((x - centre) * y)) / across
    if slope >= 0:
        return None
    left = float(weight @ (y - height - slope * (x - centre)) ** 2) / (count - 2)
    chance = (1 + variation) * order / float(due[kept].sum())
    variance = max(left, chance) / across
    hazard = -(slope**3) / (slope**2 + variance)
    return LateAges(hazard, height + hazard * centre)


def early_ages(seen: FloatArray, expected: FloatArray, order: float, variation: float) -> float:
    """What the model's repeat orders of new customers are multiplied by in the first third of the ages: money
    seen / expected there, first orders apart, drawn to 1 as far as chance may explain the distance.

    1 in data of less than three years. There the hold-out is too short to show how many existing customers
    leave late, so that these are forecast too high: newcomers alone set right would make the sum too high.
    """
    if seen.size < 3 * A_YEAR:
        return 1.0
    third = seen.size // 3
    had, due = float(seen[1:third].sum()), float(expected[1:third].sum())
    if had <= 0 or due <= FEWEST_ORDERS * order:
        return 1.0
    distance = float(np.log(had / due))
    chance = (1 + variation) * order / due
    return float(np.exp(distance**3 / (distance**2 + chance)))


@dataclass(frozen=True, slots=True)
class LaterYears:
    """What the data tell. ``early`` multiplies newcomers' repeat orders at ages below ``early_until``."""

    arrivals: Arrivals | None = None
    late: LateAges | None = None
    season: Season | None = None
    early: float = 1.0
    early_until: float = 0.0

    @property
    def hazard(self) -> float:
        """A day, of leaving beyond what the model expects."""
        return self.late.hazard if self.late else 0.0

    def rates(self, days: FloatArray, pace: FallPace, shift: float) -> FloatArray:
        """What the rate of the last quarter is multiplied by so many ``days`` ahead."""
        season = self.season.level * self.season.of_days(days) if self.season else np.ones_like(days)
        since = days + QUARTER / 2  # in whose middle the rate was measured
        return season * (self.arrivals.rates(since, pace, shift) if self.arrivals else 1.0)

    def again(self, age: FloatArray) -> FloatArray:
        late = self.late.factors(age) if self.late else np.ones_like(age)
        return np.where(age < self.early_until, self.early * late, late)


@dataclass(frozen=True, slots=True)
class TrendOfNewcomers:
    """What newcomers bring over all months projected, as their fall or rise fades, stops today or goes on as
    it was. ``fewer`` as in ``Arrivals``: below 0 where they rise."""

    fewer: float
    weeks: int
    months: int
    fading: float
    stops: float
    goes_on: float

    @property
    def word(self) -> str:
        return "fall" if self.fewer > 0 else "rise"

    def sentence(self, money: Callable[[float], str]) -> str:
        """In words, with amounts as ``money`` writes them."""
        said = "fewer" if self.fewer > 0 else "more"
        return (
            f"In the last {self.weeks} weeks {percent_text(abs(self.fewer), 0)} {said} customers joined than "
            f"in the same weeks a year before. The base carries this {self.word} on, at half the pace "
            f"after a year: newcomers of the next {self.months} months spend {money(self.fading)}. If it "
            f"stops today they spend {money(self.stops)}, and if it goes on as before {money(self.goes_on)}"
        )
