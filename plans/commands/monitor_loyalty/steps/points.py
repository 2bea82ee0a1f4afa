"""Point liability and its spikes, redemption to date, and breakage of closed and open vintages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from gtm.core.percents import percent_text
from plans.commands.monitor_loyalty.facts import window_of
from plans.commands.shared.ledger import NO_LEDGER, Outlook, Vintages, outlook_of, read_vintages
from plans.commands.shared.point_cost import point_cost
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Column, Table
from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.liability import LiabilityPoint, liability_chart, liability_trend, point_liability

TREND_WEEKS = 13


@dataclass(frozen=True, slots=True)
class Balances:
    """Points at the end of each week, and totals to the end of the window; empty without a ledger.

    What was issued is less what was taken back, adjustments included, as in the months of issue.
    """

    weeks: tuple[date, ...]
    outstanding: tuple[float, ...]
    at_start: float
    earned: float
    redeemed: float
    by_day: tuple[tuple[date, float, float], ...]
    """Day, points issued and points redeemed."""

    def since(self, moment: datetime) -> tuple[float, float]:
        """Points issued and points redeemed from the day of ``moment`` on."""
        late = [(issued, redeemed) for day, issued, redeemed in self.by_day if day >= moment.date()]
        return sum(issued for issued, _ in late), sum(redeemed for _, redeemed in late)


@dataclass(frozen=True, slots=True)
class Liability:
    """``series`` is money a week at today's redemption rate, so only the balance moves."""

    owed: MaybeEstimate
    at_start: MaybeEstimate
    slope: MaybeEstimate
    series: tuple[float, ...]
    chart: tuple[LiabilityPoint, ...] | Unavailable
    weeks: tuple[date, ...] = ()
    spiking: tuple[LiabilityPoint, ...] = ()
    """The weeks of the window in which it rose out of bounds."""

    @property
    def limit(self) -> MaybeEstimate:
        """The liability above which the last week is a spike, or above which the first spike of the window was."""
        if isinstance(self.chart, Unavailable):
            return self.chart
        point = self.spiking[0] if self.spiking else self.chart[-1]
        return Estimate(self.series[point.period - 1] * (1 + point.upper_limit), unit="money")

    @property
    def spikes(self) -> tuple[str, ...]:
        return tuple(
            f"week of {self.weeks[p.period]}: {percent_text(p.change, signed=True)}, limit {percent_text(p.upper_limit, signed=True)}"
            for p in self.spiking
        )


def read_balances(context: StepContext) -> Balances | None:
    """What the ledger shows up to the end of the window; None without one, or before its first entry."""
    if not context.data.has("point_ledger"):
        return None
    span = window_of(context).current
    rows = context.data.engine.ledger_flows(
        context.data.snapshot("point_ledger"), as_of=span.end, period="day"
    ).to_pylist()  # fmt: skip
    if not rows:
        return None
    by_week = {
        row["period"] - timedelta(days=row["period"].weekday()): float(row["outstanding"]) for row in rows
    }
    first, last = min(by_week), max(by_week)
    weeks = [first + timedelta(weeks=n) for n in range((last - first).days // 7 + 1)]
    outstanding: list[float] = []
    for week in weeks:  # a week without an entry keeps the balance of the one before
        outstanding.append(by_week.get(week, outstanding[-1] if outstanding else 0.0))
    earlier = [row for row in rows if row["period"] < span.start.date()]
    return Balances(
        tuple(weeks),
        tuple(outstanding),
        float(earlier[-1]["outstanding"]) if earlier else 0.0,
        sum(_earned(row) for row in rows),
        float(sum(row["redeemed"] for row in rows)),
        tuple((row["period"], _earned(row), float(row["redeemed"])) for row in rows),
    )


def _earned(row: Mapping[str, Any]) -> float:
    return float(row["issued"] - row["reversed"] + row["adjusted"])


@dataclass(frozen=True, slots=True)
class Redemptions:
    """The redemption rate of points out at the end of the window, breakage, and what both were worked out from.

    ``to_come`` is by month of issue: points still to be redeemed, with their standard error. ``order`` says in which
    order points leave that name no month of issue, ``caveat`` the same where it matters; empty where nothing is
    forecast. ``by_tier``: each tier counts by its own months of issue, and this is the sum.
    """

    vintages: Vintages | Unavailable
    outlook: Outlook | Unavailable
    rate: MaybeEstimate
    breakage: MaybeEstimate
    order: str = ""
    caveat: str = ""
    to_come: Mapping[date, tuple[float, float]] = field(default_factory=dict)
    by_tier: bool = False
    by_order: tuple[float, float] | None = None
    """The rate of points out first in first out and newest first, where it is neither."""

    @property
    def whose_rate(self) -> str:
        return (
            "The sum of the tiers, each by its own months of issue"
            if self.by_tier
            else "One rate for the points of all members, of whatever tier"
        )


def redemptions_of(context: StepContext, balances: Balances | None) -> Redemptions:
    """From the vintages up to the end of the window; points issued after the last full month are fresh."""
    if balances is None:
        missing = Unavailable(NO_LEDGER)
        return Redemptions(missing, missing, missing, missing)
    end = min(window_of(context).current.end, context.data.as_of("point_ledger"))
    vintages = read_vintages(context.data, as_of=end)
    if isinstance(vintages, Unavailable):
        return Redemptions(vintages, vintages, vintages, vintages)
    outlook = outlook_of(vintages)
    if isinstance(outlook, Unavailable):
        return Redemptions(vintages, outlook, outlook, outlook)
    fresh, spent = balances.since(vintages.until)
    rate = outlook.rate_of_outstanding(balances.outstanding[-1], fresh=fresh, redeemed_since=spent)
    ahead = outlook.found
    months = {
        month: (float(to_come), float(error))
        for month, to_come, error in zip(vintages.months, ahead.to_come, ahead.standard_error, strict=True)
    }
    return Redemptions(
        vintages, outlook, rate, outlook.breakage, outlook.sentence, outlook.caveat, months,
        by_order=outlook.rates_by_order(balances.outstanding[-1], fresh=fresh, redeemed_since=spent),
    )  # fmt: skip


def liability_of(context: StepContext, balances: Balances | None, rate: MaybeEstimate) -> Liability:
    """Outstanding × cost × redemption rate of outstanding, now and at the window's start; growth that is a spike."""
    if balances is None:
        nothing = Unavailable(NO_LEDGER)
        return Liability(nothing, nothing, nothing, (), nothing)
    cost = point_cost(context.data, context.program).mean
    series = np.array(balances.outstanding) * cost * (rate.value if isinstance(rate, Estimate) else 1.0)
    chart = liability_chart(series)
    begins = window_of(context).current.start.date()
    points = () if isinstance(chart, Unavailable) else chart
    spiking = tuple(p for p in points if p.spike and _came_in_the_window(p, balances, begins))
    return Liability(
        _owed(balances.outstanding[-1], cost, rate),
        _owed(balances.at_start, cost, rate),
        liability_trend(series[-TREND_WEEKS:]),
        tuple(float(value) for value in series),
        chart,
        balances.weeks,
        spiking,
    )


def _came_in_the_window(point: LiabilityPoint, balances: Balances, begins: date) -> bool:
    """Whether a spike is news: its week ends in the window, and was no spike yet when the window began.

    Windows of a week begin on any day: a week that only ended in one was seen in part by the run before.
    """
    monday = balances.weeks[point.period]
    if monday >= begins:
        return True
    before = balances.outstanding[point.period - 1]
    return monday + timedelta(days=6) >= begins and balances.at_start <= before * (1 + point.upper_limit)


def _owed(points: float, cost: float, rate: MaybeEstimate) -> MaybeEstimate:
    if points < 0:
        return Unavailable(f"The ledger shows {-points:,.0f} points more spent than issued.")
    return point_liability(points, cost, rate)


def redemption_to_date(balances: Balances | None) -> MaybeEstimate:
    if balances is None:
        return Unavailable(NO_LEDGER)
    if balances.earned <= 0:
        return Unavailable("No points were issued up to the end of the window.")
    return Estimate(
        balances.redeemed / balances.earned, numerator=balances.redeemed, denominator=balances.earned
    )


def vintage_table(vintages: Vintages, found: Redemptions) -> Table:
    """Breakage per month of issue: counted where no point is left, forecast where some are."""
    rows = []
    order = f" {found.order}." if found.order else ""
    for n, month in enumerate(vintages.months):
        issued, redeemed, left = (
            float(v[n]) for v in (vintages.issued, vintages.redeemed_so_far, vintages.outstanding)
        )
        closed = left <= 0.005 * issued
        ahead = found.to_come.get(month)
        ultimate = redeemed if closed or ahead is None else redeemed + ahead[0]
        error = None if closed or ahead is None else ahead[1] / issued
        share = None if not closed and ahead is None else 1 - ultimate / issued
        rows.append([f"{month:%Y-%m}", issued, redeemed, left, "closed" if closed else "open", share, error])
    unplaced = f" {vintages.unplaced:,.0f} points left that no vintage covers." if vintages.unplaced else ""
    return Table(
        "vintages", "Breakage by month of issue",
        [Column("month", "Issued in"), Column("issued", "Points issued", "number"), Column("redeemed", "Redeemed", "number"),
         Column("outstanding", "Outstanding", "number"), Column("state", "State"), Column("breakage", "Breakage", "percent"),
         Column("error", "Standard error", "percent")],
        rows,
        f"Full months only, before {vintages.until:%Y-%m-%d}. Closed: all points redeemed or lapsed, so breakage is "
        f"counted. Open: points issued × the rates of older months at the ages still ahead, additive method; "
        f"{vintages.tail.sentence}. {found.whose_rate}.{order}{unplaced}",
    )  # fmt: skip
