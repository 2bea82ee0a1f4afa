"""Redemptions of a point ledger by month of issue, and what will come of the points still out.

Outflows that name no month of issue leave first in first out. Where many redemptions are of that kind the other
end, newest first, is worked out too: what both say bounds what is forecast.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from gtm.core.percents import percent_text
from plans.commands.shared.columns import columns
from programs.analytics import breakage
from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.newest_first import newest_first
from programs.analytics.outlook import PointOutlook, point_outlook
from programs.analytics.redemption_tail import RedemptionTail, redemption_tail
from programs.datasets import OpenData
from programs.datasets.local_time import start_of_day

NO_LEDGER = "No point ledger is loaded; load one on the page Data, Load data."
MANY_UNNAMED = 0.2
"""Of redeemed points: where more name no month of issue, the order in which points leave is bounded."""
WORTH_A_CAVEAT = 0.01
"""Of issued points: how far the two orders may lie apart before a reader has to know."""


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
    other = _by_vintage([*_named_rows(named), *_newest_first_rows(of_members)], issued, end)
    return found if isinstance(other, Unavailable) else replace(found, newest_first=other)


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
            started = date((first + int(vintage)) // 12, (first + int(vintage)) % 12 + 1, 1)
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

    ``found`` is first in first out where no month is named; ``other`` is newest first, None where few name none.
    """

    vintages: Vintages
    found: PointOutlook
    other: PointOutlook | None

    @property
    def breakage(self) -> Estimate:
        """Points that will never be redeemed / points issued."""
        return _over_both(self.found.breakage(), self.other.breakage() if self.other else None)

    def rate_of_outstanding(
        self, outstanding: float, *, fresh: float = 0.0, redeemed_since: float = 0.0
    ) -> MaybeEstimate:
        """As ``PointOutlook.rate_of_outstanding``, with the interval of both orders."""
        found, other = (
            each.rate_of_outstanding(outstanding, fresh=fresh, redeemed_since=redeemed_since)
            if each
            else None
            for each in (self.found, self.other)
        )
        if not isinstance(found, Estimate) or not isinstance(other, Estimate):
            return found or Unavailable("No points are outstanding.")
        return _over_both(found, other)

    @property
    def sentence(self) -> str:
        """How many redeemed points name no month of issue, and by which order they are taken."""
        other = self.other.breakage().value if self.other else None
        return order_in_words(self.vintages.unnamed, self.found.breakage().value, other)

    @property
    def caveat(self) -> str:
        """``sentence`` where the order matters, else empty."""
        other = self.other.breakage().value if self.other else None
        return self.sentence if order_matters(self.found.breakage().value, other) else ""


def order_in_words(unnamed: float, breakage: float, newest_first: float | None) -> str:
    """How many redeemed points name no month of issue, and what breakage is first in first out and the other way."""
    if not unnamed:
        return "Every redeemed point names its month of issue"
    said = f"{percent_text(unnamed, 0)} of the redeemed points name no month of issue; they are taken first in first out"
    if newest_first is None:
        return said
    ends = f"{percent_text(breakage, 0)} first in first out and {percent_text(newest_first, 0)} newest first"
    return f"{said}. Breakage is {ends}: the interval covers both"


def order_matters(breakage: float, newest_first: float | None) -> bool:
    """Whether the order in which points leave changes breakage by what a reader has to know."""
    return newest_first is not None and abs(breakage - newest_first) > WORTH_A_CAVEAT


def outlook_of(vintages: Vintages) -> Outlook | Unavailable:
    """What is to come; Unavailable where the triangle cannot tell, with the reason."""
    found = _outlook(vintages)
    if isinstance(found, Unavailable):
        return found
    other = _outlook(vintages.newest_first) if vintages.newest_first else None
    return Outlook(vintages, found, other if isinstance(other, PointOutlook) else None)


def _outlook(vintages: Vintages) -> PointOutlook | Unavailable:
    return point_outlook(vintages.issued, vintages.redeemed, vintages.lapsed, tail=vintages.tail)


def _over_both(found: Estimate, other: Estimate | None) -> Estimate:
    if other is None:
        return found
    lows = [each for each in (found.low, other.low) if each is not None]
    highs = [each for each in (found.high, other.high) if each is not None]
    return replace(found, low=min(lows), high=max(highs))


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


def _months_between(start: date, end: date) -> int:
    return (end.year - start.year) * 12 + end.month - start.month
