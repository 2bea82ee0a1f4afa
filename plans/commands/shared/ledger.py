"""Redemptions of a point ledger by month of issue, and what will come of the points still out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from programs.analytics import breakage
from programs.analytics.estimate import Unavailable
from programs.analytics.redemption_tail import RedemptionTail, redemption_tail
from programs.datasets import OpenData
from programs.datasets.local_time import start_of_day

NO_LEDGER = "No point ledger is loaded; load one on the page Data, Load data."


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
    flows = data.engine.ledger_triangle(ledger, as_of=end).to_pylist()
    reversed_: dict[date | None, float] = {}
    for row in flows:
        reversed_[row["vintage"]] = reversed_.get(row["vintage"], 0.0) + float(row["reversed"])
    net = {
        row["vintage"]: float(row["issued"]) - reversed_.get(row["vintage"], 0.0)
        for row in data.engine.ledger_vintages(ledger, as_of=end).to_pylist()
    }
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
    issued = np.array(list(net.values()))
    return Vintages(tuple(net), issued, np.cumsum(redeemed, axis=1), lapsed, unplaced, end)


def end_of_full_months(end: datetime) -> datetime:
    """``end``, or the first moment of its month where that month goes on for a day or more."""
    begun = start_of_day((end - timedelta(microseconds=1)).replace(day=1))
    over = (begun + timedelta(days=31)).replace(day=1)
    return begun if over - end >= timedelta(days=1) else end


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
