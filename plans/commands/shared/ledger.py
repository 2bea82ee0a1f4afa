"""Redemptions of a point ledger by month of issue, and what will come of the points still out.

Outflows that name no month of issue leave first in first out. Where many redemptions are of that kind, those that
name their month say whether first in first out is right; where it is not, they say how old points are when they are
redeemed, and the others are taken to be as old. Where too few name it to tell, the other end, newest first, is worked out too: what both say bounds what is forecast.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from plans.commands.shared.columns import columns
from plans.commands.shared.order_of_points import OrderOfPoints, no_wider_than, over_both, wider
from programs.analytics import breakage
from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.named_ages import as_the_named, named_ages, within
from programs.analytics.newest_first import newest_first
from programs.analytics.outlook import PointOutlook, point_outlook
from programs.analytics.rates import wilson_rate
from programs.analytics.redemption_tail import RedemptionTail, redemption_tail
from programs.datasets import OpenData
from programs.datasets.local_time import start_of_day

NO_LEDGER = "No point ledger is loaded; load one on the page Data, Load data."
MANY_UNNAMED = 0.2
"""Of redeemed points: where more name no month of issue, the order in which points leave is bounded."""
FIRST_IN_HOLDS = 0.8
"""Of the redeemed points that name their month: where first in first out surely has as many right, it counts."""


@dataclass(frozen=True, slots=True, eq=False)
class Vintages:
    """Points per month of issue up to ``until``, the end of the last full month.

    ``issued`` is less what was reversed: a reversed issue was never the member's, so it is no breakage.
    ``redeemed`` (vintages, ages) is cumulative and NaN where the month is not over; ``lapsed`` has expired.
    """

    months: tuple[date, ...]
    issued: NDArray[np.float64]
    redeemed: NDArray[np.float64]
    lapsed: NDArray[np.float64]
    unplaced: float
    until: datetime
    unnamed: float = 0.0
    """Share of the redeemed points that name no month of issue."""
    newest_first: Vintages | None = None
    """The same ledger if the newest points were spent first; None where few redemptions name no month."""
    first_in: Vintages | None = None
    """The same first in first out, where this is by the redemptions that name their month; else None."""
    neighbours: tuple[tuple[Vintages, Vintages], ...] = ()
    """The same with the rate of each age one standard error lower and higher: how few name their month."""
    told_by: float = 0.0
    """Redemptions that name their month, counted as if of equal size, where they choose."""
    agree: float | None = None
    """Share of the points redeemed that name their month, as first in first out has it, where that is chosen so."""

    @property
    def redeemed_so_far(self) -> NDArray[np.float64]:
        return np.nanmax(self.redeemed, axis=1)

    @property
    def tail(self) -> RedemptionTail:
        """What is redeemed after the age of the oldest month of issue."""
        return redemption_tail(self.issued, self.redeemed)

    @property
    def outstanding(self) -> NDArray[np.float64]:
        return self.issued - self.redeemed_so_far - self.lapsed


def read_vintages(data: OpenData, *, as_of: datetime | None = None) -> Vintages | Unavailable:
    """The ledger's triangle by full months: half a month taken for a whole would lower every forecast.

    Unavailable without a ledger, or without an issue before its last full month ended.
    """
    if not data.has("point_ledger"):
        return Unavailable(NO_LEDGER)
    ledger = data.snapshot("point_ledger")
    end = end_of_full_months(as_of or data.as_of("point_ledger"))
    issued = {
        row["vintage"]: float(row["issued"])
        for row in data.engine.ledger_vintages(ledger, as_of=end).to_pylist()
    }
    found = _by_vintage(data.engine.ledger_triangle(ledger, as_of=end).to_pylist(), issued, end)
    if isinstance(found, Unavailable):
        return found
    moves = data.engine.ledger_months(ledger, as_of=end)
    named = moves.filter(pc.equal(moves["member"], 0)).to_pylist()
    of_members = moves.filter(pc.greater(moves["member"], 0))
    unnamed = float(columns(of_members)["redeemed"].sum())
    redeemed = unnamed + sum(row["redeemed"] for row in named)
    found = replace(found, unnamed=unnamed / redeemed if redeemed > 0 else 0.0)
    if found.unnamed <= MANY_UNNAMED:
        return found
    others = _newest_first_rows(of_members)
    other = _by_vintage([*_named_rows(named), *others], issued, end)
    if isinstance(other, Unavailable):
        return found
    chosen = _by_named(replace(found, newest_first=other), _named_rows(named), others, of_members)
    if chosen.first_in is None:
        return chosen
    told = data.engine.ledger_first_in(ledger, as_of=end).to_pylist()[0]
    agree = min(told["agree"] / told["named"], 1.0)
    surely = wilson_rate(agree * chosen.told_by, chosen.told_by)
    if isinstance(surely, Estimate) and (surely.low or 0.0) >= FIRST_IN_HOLDS:
        return replace(found, told_by=chosen.told_by, agree=agree)
    return chosen


def _by_named(
    first_in: Vintages, named: list[dict[str, Any]], others: list[dict[str, Any]], of_members: Any
) -> Vintages:
    """As old as the redemptions that name their month; ``first_in`` itself where too few of them do.

    Points that expire or are taken back without a month of issue stay where newest first has them, as far as that
    month has points left.
    """
    first = first_in.months[0]
    size = _months_between(first, (first_in.until - timedelta(days=1)).date()) + 1
    issued, expired, unnamed = (np.zeros(size) for _ in range(3))
    redeemed, squares = np.zeros((size, size)), np.zeros((size, size))
    for month, points in zip(first_in.months, first_in.issued, strict=True):
        issued[_months_between(first, month)] = points
    for row in (*named, *others):
        if row["vintage"] is not None and 0 <= (at := _months_between(first, row["vintage"])) < size:
            expired[at] += row["expired"]
    for row in named:
        at, when = _months_between(first, row["vintage"]), _months_between(first, row["period"])
        if 0 <= at <= when < size:
            redeemed[at, when] += row["redeemed"]
            squares[at, when] += row["squares"]
    for period, points in zip(
        of_members["period"].to_pylist(), of_members["redeemed"].to_pylist(), strict=True
    ):
        if 0 <= (when := _months_between(first, period)) < size:
            unnamed[when] += points
    ages = named_ages(issued, redeemed, squares, unnamed)
    if ages is None:
        return first_in

    def reading(rate: NDArray[np.float64]) -> Vintages:
        placed = redeemed + as_the_named(issued, redeemed.sum(axis=1), unnamed, rate)
        lapsed = within(np.maximum(issued - placed.sum(axis=1), 0.0), expired)
        found = replace(first_in, redeemed=first_in.redeemed.copy(), lapsed=first_in.lapsed.copy())
        for n, month in enumerate(first_in.months):
            at = _months_between(first, month)
            found.redeemed[n, : size - at] = np.cumsum(placed[at, at:])
            found.lapsed[n] = lapsed[at]
        return found

    moves = [age for age in range(size) if ages.error[age] > 0]
    pairs = tuple((reading(ages.moved(age, -1)), reading(ages.moved(age, 1))) for age in moves)
    alone = replace(first_in, newest_first=None)
    return replace(reading(ages.rate), first_in=alone, neighbours=pairs, told_by=ages.redemptions)


def _named_rows(named: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "age": _months_between(row["vintage"], row["period"])} for row in named]


def _newest_first_rows(moves: Any) -> list[dict[str, Any]]:
    """As rows of the triangle: outflows that name no month of issue, the newest points first. Points that expire
    are the oldest in any order."""
    if not len(moves):
        return []
    months = [row.year * 12 + row.month - 1 for row in moves["period"].to_pylist()]
    first, numbers = min(months), columns(moves)
    kinds = ("reversed", "redeemed", "expired")
    placed, uncovered = newest_first(
        numbers["member"].astype(np.int64),
        np.array(months) - first,
        numbers["left"],
        {kind: numbers[kind] for kind in kinds},
        oldest="expired",
    )
    nothing = dict.fromkeys(kinds, 0.0)
    rows = []
    for kind in kinds:
        for vintage, month in np.argwhere(placed[kind] > 0):
            started = _month_after(date(first // 12, first % 12 + 1, 1), int(vintage))
            points = float(placed[kind][vintage, month])
            rows.append({**nothing, kind: points, "vintage": started, "age": int(month - vintage)})
        rows.append({**nothing, kind: float(uncovered[kind].sum()), "vintage": None, "age": None})
    return rows


def _by_vintage(
    flows: list[dict[str, Any]], issued: Mapping[date, float], end: datetime
) -> Vintages | Unavailable:
    """``flows`` as rows of the triangle: vintage, age, and points redeemed, expired and reversed."""
    reversed_: dict[date | None, float] = {}
    for row in flows:
        reversed_[row["vintage"]] = reversed_.get(row["vintage"], 0.0) + float(row["reversed"])
    net = {vintage: points - reversed_.get(vintage, 0.0) for vintage, points in issued.items()}
    net = {vintage: points for vintage, points in net.items() if points > 0}
    if not net:
        return Unavailable("The point ledger shows no points issued in a full month.")
    first = next(iter(net))
    place = {vintage: n for n, vintage in enumerate(net)}
    # A month in which nothing was issued has no row, yet the others age in it.
    last = _months_between(first, (end - timedelta(days=1)).date())
    ages = [last - _months_between(first, vintage) for vintage in net]
    redeemed = np.full((len(net), max(ages) + 1), np.nan)
    for n, oldest in enumerate(ages):
        redeemed[n, : oldest + 1] = 0.0
    lapsed, unplaced = np.zeros(len(net)), 0.0
    for row in flows:
        at = place.get(row["vintage"])
        if at is None or row["age"] < 0:
            unplaced += float(row["redeemed"] + row["expired"])
            unplaced += float(row["reversed"]) if row["vintage"] is None else 0.0
            continue
        if row["age"] <= ages[at]:
            redeemed[at, row["age"]] += float(row["redeemed"])
        lapsed[at] += float(row["expired"])
    return Vintages(
        tuple(net), np.array(list(net.values())), np.cumsum(redeemed, axis=1), lapsed, unplaced, end
    )


def end_of_full_months(end: datetime) -> datetime:
    """``end``, or the first moment of its month where that month goes on for a day or more."""
    begun = start_of_day((end - timedelta(microseconds=1)).replace(day=1))
    over = (begun + timedelta(days=31)).replace(day=1)
    return begun if over - end >= timedelta(days=1) else end


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to come of the points of a ledger: one model for every command.

    ``found`` is what counts; ``other`` is newest first, None where few redemptions name no month; ``first_in`` is
    first in first out where ``found`` is by the redemptions that name their month, with ``neighbours`` for the error
    of how few they are; else None, and ``found`` is first in first out itself.
    """

    vintages: Vintages
    found: PointOutlook
    other: PointOutlook | None
    first_in: PointOutlook | None = None
    neighbours: tuple[tuple[PointOutlook, PointOutlook], ...] = ()

    @property
    def breakage(self) -> Estimate:
        """Points that will never be redeemed / points issued."""
        if self.first_in:
            pairs = [(low.breakage(), high.breakage()) for low, high in self.neighbours]
            orders = [each.breakage() for each in (self.first_in, self.other) if each]
            return no_wider_than(wider(self.found.breakage(), pairs), *orders)
        return over_both(self.found.breakage(), self.other.breakage() if self.other else None)

    def rate_of_outstanding(
        self, outstanding: float, *, fresh: float = 0.0, redeemed_since: float = 0.0
    ) -> MaybeEstimate:
        """As ``PointOutlook.rate_of_outstanding``, with the error of how few redemptions name their month, or with
        the interval of both orders."""

        def of(each: PointOutlook | None) -> MaybeEstimate | None:
            if each is None:
                return None
            return each.rate_of_outstanding(outstanding, fresh=fresh, redeemed_since=redeemed_since)

        found, other = of(self.found), of(self.other)
        if self.first_in and isinstance(found, Estimate):
            pairs = [(of(low), of(high)) for low, high in self.neighbours]
            told = [
                (low, high) for low, high in pairs if isinstance(low, Estimate) and isinstance(high, Estimate)
            ]
            return no_wider_than(
                wider(found, told),
                *(each for each in (of(self.first_in), other) if isinstance(each, Estimate)),
            )
        if not isinstance(found, Estimate) or not isinstance(other, Estimate):
            return found or Unavailable("No points are outstanding.")
        return over_both(found, other)

    def rates_by_order(
        self, outstanding: float, *, fresh: float = 0.0, redeemed_since: float = 0.0
    ) -> tuple[float, float] | None:
        """Of the points out, to be redeemed first in first out and newest first; None where ``found`` is an order."""
        if self.first_in is None or self.other is None:
            return None
        first, newest = (
            each.rate_of_outstanding(outstanding, fresh=fresh, redeemed_since=redeemed_since)
            for each in (self.first_in, self.other)
        )
        if isinstance(first, Unavailable) or isinstance(newest, Unavailable):
            return None
        return first.value, newest.value

    @property
    def order(self) -> OrderOfPoints:
        other = self.other.breakage().value if self.other else None
        first = self.first_in.breakage().value if self.first_in else None
        vintages = self.vintages
        return OrderOfPoints(
            vintages.unnamed, self.found.breakage().value, other, first, vintages.told_by, vintages.agree
        )

    @property
    def sentence(self) -> str:
        """How many redeemed points name no month of issue, and how they are taken."""
        return self.order.sentence

    @property
    def caveat(self) -> str:
        """``sentence`` where the order matters, else empty."""
        return self.sentence if self.order.matters else ""


def outlook_of(vintages: Vintages) -> Outlook | Unavailable:
    """What is to come; Unavailable where the triangle cannot tell, with the reason."""
    found = _outlook(vintages)
    if isinstance(found, Unavailable):
        return found
    other, first = (_outlook(each) if each else None for each in (vintages.newest_first, vintages.first_in))
    # With the tail of what counts, whose error is in it: a rate that moves a little may flip a tail of its own.
    pairs = [
        (_outlook(low, vintages.tail), _outlook(high, vintages.tail)) for low, high in vintages.neighbours
    ]
    return Outlook(
        vintages,
        found,
        other if isinstance(other, PointOutlook) else None,
        first if isinstance(first, PointOutlook) else None,
        tuple((a, b) for a, b in pairs if isinstance(a, PointOutlook) and isinstance(b, PointOutlook)),
    )


def _outlook(vintages: Vintages, tail: RedemptionTail | None = None) -> PointOutlook | Unavailable:
    return point_outlook(vintages.issued, vintages.redeemed, vintages.lapsed, tail=tail or vintages.tail)


def forecast(vintages: Vintages | Unavailable) -> breakage.MaybeForecast:
    """Ultimate redemption by chain ladder; Unavailable where the triangle cannot tell, with the reason."""
    if isinstance(vintages, Unavailable):
        return vintages
    try:
        return breakage.forecast_redemption(
            vintages.issued, vintages.redeemed, float(vintages.lapsed.sum()), tail=vintages.tail
        )
    except ValueError as error:
        return Unavailable(str(error))


def redemption_pattern(vintages: Vintages | Unavailable) -> NDArray[np.float64] | None:
    """Of the points that are redeemed at all, the share redeemed by the end of each age (months since issue).

    Each age is counted over the vintages that have lived through it. None where nothing was redeemed yet.
    """
    if isinstance(vintages, Unavailable):
        return None
    steps = np.diff(vintages.redeemed, axis=1, prepend=0.0)
    seen = ~np.isnan(steps)
    exposed = (seen * vintages.issued[:, None]).sum(axis=0)
    rates = np.maximum(np.nansum(steps, axis=0), 0.0) / exposed
    return np.cumsum(rates) / rates.sum() if rates.sum() > 0 else None


def _month_after(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def _months_between(start: date, end: date) -> int:
    return (end.year - start.year) * 12 + end.month - start.month
