"""What the customers there are, and those who keep coming, will spend if nothing changes.

Run-off of existing customers by survival (MBG/NBD) × what an order of each is expected to be worth
(Gamma-Gamma, shrunk), plus newcomers at their recent rate, each with a first order and the repeat orders
expected of a random customer. The season is taken out of that rate, and where it was another a year before,
the fall or rise is carried on at a fading pace. Money, net of refunds where the orders are. The same
forecast is made of a hold-out period first: how far the run-off was off there corrects it, as far as chance
does not explain it, because customers need not buy and leave as the model thinks: where they leave sooner,
the correction grows with time, as do the customers wrongly believed to be there. After a year what older
customers spent, by age, corrects it too, where that shows more of it. The interval is of the forecast of
the year: the chance in who buys how often and for how much, the parameters' uncertainty, the corrections,
and the error made on newcomers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from gtm.core.percents import percent_text
from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.hold_out import BackTest, DecileError
from programs.analytics.later_years import (
    FallPace,
    LaterYears,
    TrendOfNewcomers,
    arrivals,
    swing_of,
)
from programs.analytics.order_value import GammaGamma
from programs.analytics.run_off import (
    DAYS_A_MONTH,
    DAYS_A_YEAR,
    RECENT_DAYS,
    Customers,
    later_years,
    learn,
    of_newcomers,
    purchases_each,
    run_off,
    variance_by_chance,
    variance_of_parameters,
    worth,
)
from programs.analytics.seasons import Season, season_of
from programs.analytics.survival import Survival

FloatArray = NDArray[np.float64]

ONE_CUSTOMER = 0.1
"""Of all revenue: who has spent more is named as a risk of its own."""
NINE_IN_TEN = 1.645
"""Standard errors to each side that hold nine of ten cases."""
SEASON_WORTH_TELLING = 0.1
"""Of newcomers of a quarter, which may be a season and was seen once."""
SWING_WORTH_TELLING = 0.15
"""Of newcomers of a quarter: below it a season moves the base by less than its interval."""
AGES_TELL = 3 * 364.0 - 1
"""Days: the oldest customers have come to ages that say who leaves after a year."""
WORTH_TELLING = 1.02
"""Newcomers' revenue if a fall stops, over that if it fades, or the other way for a rise: below it neither is
worth a sentence."""


def back_test(
    before: Customers, spent_since: ArrayLike, spent_by_newcomers: float, days: int
) -> BackTest | Unavailable:
    """Forecast ``days`` ahead from ``before`` and compare, in all and by decile of the forecast.

    ``spent_since`` has one entry per customer of ``before``.
    """
    actual = np.asarray(spent_since, dtype=np.float64)
    behaviour = learn(before)
    if behaviour.survival is None or behaviour.order_value is None:
        return Unavailable(behaviour.why_not)
    model, value = behaviour.survival.model, behaviour.order_value
    edges = np.arange(1, 13) * days / 12
    season = season_of(before.age)
    found = run_off(before, model, value, edges, LaterYears(arrivals(before.age), season=season))
    each = worth(before, value) * purchases_each(before, model, days)
    order = np.argsort(each, kind="stable")
    deciles = tuple(
        DecileError(n + 1, part.size, float(each[part].sum()), float(actual[part].sum()))
        for n, part in enumerate(np.array_split(order, 10))
        if part.size
    )
    return BackTest(
        days,
        float(found.existing[-1]),
        float(actual.sum()),
        float(found.newcomers[-1]),
        spent_by_newcomers,
        float(np.sqrt(variance_by_chance(before, model, value, days, 0.0))),
        deciles,
        float(np.sqrt(variance_by_chance(before, model, value, days, float(found.newcomers[-1])))),
        season.level if season else 1.0,
    )


@dataclass(frozen=True, slots=True, eq=False)
class RevenueBase:
    """Money of the coming months if nothing changes, beside what was; ``by_month`` has one entry a month of
    365/12 days. ``last_twelve_months`` is None where the data reach back less."""

    next_twelve_months: Estimate
    existing: float
    newcomers: float
    by_month: FloatArray
    last_twelve_months: float | None
    run_rate: float
    newcomers_a_day: float
    back_test: BackTest | Unavailable
    method: str
    warnings: tuple[str, ...]
    trend: TrendOfNewcomers | None = None
    existing_by_month: FloatArray = field(default_factory=lambda: np.zeros(0))
    later_error: float = 0.0
    """Standard error of the months after the first twelve as a share of them: what they err by beside the
    error of the year, which all months share."""

    @property
    def relative_error(self) -> float:
        """Standard error of the year as a share of it."""
        error = self.next_twelve_months.standard_error or 0.0
        return error / self.next_twelve_months.value if self.next_twelve_months.value > 0 else 0.0


def project_revenue(
    customers: Customers,
    *,
    last_twelve_months: float | None,
    recent_revenue: float,
    recent_days: float = RECENT_DAYS,
    months: int = 36,
    tested: BackTest | Unavailable,
    spend_by_age: FloatArray | None = None,
    level: float = 0.95,
) -> RevenueBase:
    """The base of a program: ``months`` (12 or more) of revenue from ``customers`` and from newcomers.

    ``recent_revenue`` is that of the last ``recent_days``, ``last_twelve_months`` that of 365 days, and
    ``spend_by_age`` that of all customers by days since their first order. Where nobody's behaviour can be
    learned, revenue goes on as in the recent days, and the method says so.
    """
    months = max(months, 12)
    edges = np.arange(1, months + 1, dtype=np.float64) * DAYS_A_MONTH
    run_rate = recent_revenue * DAYS_A_YEAR / recent_days
    behaviour = learn(customers)
    rate, _ = customers.recent()
    trend: TrendOfNewcomers | None = None
    seen_once: Season | None = None
    of_later = furthest = 0.0
    if behaviour.survival is None or behaviour.order_value is None:
        cumulative = run_rate * edges / DAYS_A_YEAR
        existing, newcomers = cumulative, np.zeros(months)
        error = run_rate / 3
        method = f"The last {recent_days:.0f} days go on: {behaviour.why_not}"
    else:
        model, value_of_order = behaviour.survival.model, behaviour.order_value
        later = later_years(customers, model, value_of_order, spend_by_age)
        seen_once = later.season
        found = run_off(customers, model, value_of_order, edges, later)
        newcomers = found.newcomers
        at_ages = model.by_calendar or (spend_by_age is not None and customers.age.max() >= AGES_TELL)
        corrections = _corrections(edges - DAYS_A_MONTH / 2, tested, later, at_ages=at_ages)
        existing = np.cumsum(corrections * np.diff(found.existing, prepend=0.0))
        cumulative = existing + newcomers
        by_chance = variance_by_chance(customers, model, value_of_order, DAYS_A_YEAR, float(newcomers[11]))
        error = float(np.sqrt(by_chance + variance_of_parameters(customers, behaviour)))
        # The rate of a quarter is not known better than by the chance in who joined.
        by_rate = float(1 / np.sqrt(max(rate * min(RECENT_DAYS, float(customers.age.max()) + 1), 1.0)))
        if not isinstance(tested, Unavailable):
            season = later.season.level if later.season else tested.season
            missed = max(tested.error_on_newcomers(season), by_rate) * float(newcomers[11])
            # A hold-out tells nothing that is smaller than its chance.
            untold = existing[11] * min(tested.chance, 1.0)
            corrected = max(abs(float(existing[11] - found.existing[11])), float(untold))
            error = float(np.hypot(np.hypot(error, corrected), missed))
        else:
            error = float(np.hypot(error, existing[11] - found.existing[11]))
        if later.season:
            error = float(np.hypot(error, later.season.standard_error * newcomers[11]))
        if later.arrivals:
            trend, unsure, of_later, furthest = _if_the_trend(customers, model, value_of_order, edges, later)
            error = float(np.hypot(error, unsure))
        # No hold-out reaches so far: what it corrects there is not known better than by itself.
        of_later = float(np.hypot(of_later, _later(found.existing) - _later(existing)))
        of_later = float(np.hypot(of_later, by_rate * _later(newcomers)))
        method = f"{model.name} survival × Gamma-Gamma order value, newcomers at the rate of the last quarter"
        if existing[11] != found.existing[11]:
            method += f", run-off × {existing[11] / found.existing[11]:.3f} as the hold-out was off"
        if later.season and round(later.season.level, 3) != 1:
            method += f", × {later.season.level:.3f} for their season"
        if trend:
            method += f", their {trend.word} carried on at a fading pace"
        if not later.season:
            method += "; seasons are not taken out of newcomers, which takes 26 months of data"
    value = float(cumulative[11])
    half = float(norm.ppf(0.5 + level / 2)) * error
    base = Estimate(
        value, max(value - half, 0.0), value + half, level, error, unit="money a year", method=method
    )
    return RevenueBase(
        next_twelve_months=base,
        existing=float(existing[11]),
        newcomers=float(newcomers[11]),
        by_month=np.diff(cumulative, prepend=0.0),
        last_twelve_months=last_twelve_months,
        run_rate=run_rate,
        newcomers_a_day=rate,
        back_test=tested,
        method=method,
        warnings=tuple(_warnings(base, last_twelve_months, run_rate, customers, tested, trend, seen_once)),
        trend=trend,
        existing_by_month=np.diff(existing, prepend=0.0),
        later_error=_later_error(cumulative, error / value if value > 0 else 0.0, of_later, furthest),
    )


def _later_error(cumulative: FloatArray, of_year: float, by_chance: float, furthest: float) -> float:
    """Standard error of the months after the first twelve as a share of them, beside that ``of_year`` which
    all months share.

    A trend that stops today and one that goes on as before lie ``furthest`` from the forecast: no chance, but
    what nobody can read from the data. Nine of ten cases are to hold at these ends, too.
    """
    later = _later(cumulative)
    if later <= 0:
        return 0.0
    shared = of_year * float(cumulative[-1])
    all_ = float(np.hypot(shared, by_chance))
    return float(np.sqrt((furthest / NINE_IN_TEN + all_) ** 2 - shared**2)) / later


def _later(cumulative: FloatArray) -> float:
    """Of what adds up month by month, the part after the first twelve months."""
    return float(cumulative[-1] - cumulative[11])


def _if_the_trend(
    customers: Customers, model: Survival, value: GammaGamma, edges: FloatArray, later: LaterYears
) -> tuple[TrendOfNewcomers | None, float, float, float]:
    """What newcomers bring at other paces, where that differs; the standard error of the year in it; that of
    the pace in the months after the year; and how far from the forecast of these months the ends lie: that
    the trend stops today, and that it goes on as before."""

    def newcomers(pace: FallPace, shift: float = 0.0) -> FloatArray:
        return of_newcomers(customers, model, value, edges, later, pace, shift)

    fading, stops, goes_on = (
        newcomers(FallPace.FADING),
        newcomers(FallPace.STOPS),
        newcomers(FallPace.GOES_ON),
    )
    of_pace = float(newcomers(FallPace.FADING, 1.0)[11] - newcomers(FallPace.FADING, -1.0)[11]) / 2
    # Whether a trend goes on is not in the data: that it stops today lies within two standard errors.
    unsure = float(np.hypot(of_pace, (stops[11] - fading[11]) / 2))
    shift = max(
        abs(_later(newcomers(pace, 1.0)) - _later(newcomers(pace, -1.0))) / 2
        for pace in (FallPace.FADING, FallPace.GOES_ON)
    )
    furthest = max(abs(_later(end) - _later(fading)) for end in (stops, goes_on))
    ends = [float(each[-1]) for each in (fading, stops, goes_on)]
    if later.arrivals is None or max(ends[0], ends[1]) <= WORTH_TELLING * min(ends[0], ends[1]):
        return None, unsure, shift, furthest
    trend = TrendOfNewcomers(later.arrivals.fewer, later.arrivals.weeks, edges.size, *ends)
    return trend, unsure, shift, furthest


def _corrections(
    days: FloatArray, tested: BackTest | Unavailable, later: LaterYears, *, at_ages: bool
) -> FloatArray:
    """What the run-off at each of ``days`` ahead is multiplied by: for a year by what the hold-out showed;
    after it customers leave at the higher of its hazard and that of later ages.

    Where three years ``at_ages`` were seen, by a model that has customers leave by the calendar or in what
    they spent at each, these alone say who leaves later: what a hold-out of a year was too high by may be a
    season, or a campaign just before it, and does not go on to grow.
    """
    if isinstance(tested, Unavailable):
        return np.exp(-later.hazard * days)
    if at_ages:
        after = np.maximum(days - DAYS_A_YEAR, 0.0)
        return tested.corrections(np.minimum(days, DAYS_A_YEAR)) * np.exp(-later.hazard * after)
    after = np.maximum(days - DAYS_A_YEAR, 0.0)
    return tested.corrections(days) * np.exp(-max(later.hazard - tested.hazard, 0.0) * after)


def _seen_once(season: Season) -> str:
    """What a season rests on that one quarter of one year shows, which a campaign would have moved alike."""
    more = "more" if season.once < 1 else "fewer"
    return (
        f"The quarter a year ago had {more} newcomers than the year around it. It was seen once: as a season "
        f"it would make newcomers count × {season.once:.2f}, as a campaign or another single event × 1. Half "
        f"of it counts, × {season.level:.2f}, and the interval reaches to both"
    )


def _warnings(
    base: Estimate,
    last: float | None,
    run_rate: float,
    customers: Customers,
    tested: BackTest | Unavailable,
    trend: TrendOfNewcomers | None,
    season: Season | None,
) -> Sequence[str]:
    assert base.low is not None and base.high is not None
    found = []
    if isinstance(tested, BackTest) and tested.lean:
        expected = "" if trend else "; newcomers are expected at their recent rate, which may fall further"
        found.append(f"{tested.lean}{expected}")
    known = [amount for amount in (last, run_rate) if amount is not None]
    if all(amount > base.high for amount in known) or all(amount < base.low for amount in known):
        side = "below" if known[0] > base.high else "above"
        found.append(
            f"The revenue base lies {side} both the last twelve months and the recent quarter × 4, "
            "by more than its interval"
        )
    swing = swing_of(customers.age) if season_of(customers.age) is None else 0.0
    if swing > SWING_WORTH_TELLING:
        found.append(
            f"Newcomers of the last four quarters lie up to {percent_text(swing, 0)} from a steady trend. "
            "That may be a season, which takes 26 months of data to tell (of all orders three years): the "
            "base counts on newcomers of the last quarter, so it is too low after a low season and too high "
            "after a high one"
        )
    if season and season.years == 1 and abs(season.once - 1) > SEASON_WORTH_TELLING:
        found.append(_seen_once(season))
    largest = float(customers.spend.max()) / total if (total := float(customers.spend.sum())) > 0 else 0.0
    if largest > ONE_CUSTOMER:
        found.append(
            f"One customer has spent {percent_text(largest, 0)} of all revenue: the base, the tiers and the "
            "rewards hang on that customer"
        )
    if float(customers.age.max()) + 1 < DAYS_A_YEAR:
        found.append(
            f"The purchases reach back {customers.age.max() + 1:.0f} days: customers from before then look "
            "new, so the rate of newcomers may be too high"
        )
    return found
