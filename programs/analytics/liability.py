"""What the points members still hold will cost, where that is heading, and whether it just jumped."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t, theilslopes

from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable

FloatArray = NDArray[np.float64]


def point_liability(
    outstanding_points: float, cost_per_point: float, redemption_rate: MaybeEstimate
) -> MaybeEstimate:
    """Outstanding points × cost per point × ultimate redemption rate *of outstanding points*, in money.

    That rate differs from the rate of issued points; see ``breakage.forecast_redemption``. The interval
    is that of the rate. ``denominator`` are the points, ``numerator`` those expected to be redeemed.
    """
    if outstanding_points < 0 or cost_per_point < 0:
        raise ValueError("Outstanding points and their cost are not negative.")
    if isinstance(redemption_rate, Unavailable):
        return redemption_rate
    full = outstanding_points * cost_per_point
    low, high = (
        None if end is None else min(max(end, 0.0), 1.0) * full
        for end in (redemption_rate.low, redemption_rate.high)
    )
    error = redemption_rate.standard_error
    return Estimate(
        redemption_rate.value * full,
        low,
        high,
        redemption_rate.level,
        None if error is None else error * full,
        redemption_rate.value * outstanding_points,
        outstanding_points,
        "money",
        redemption_rate.method,
    )


def liability_trend(liability: ArrayLike, *, level: float = 0.95) -> MaybeEstimate:
    """Typical change per period, in money: Theil–Sen slope with Sen's interval (Sen 1968).

    ``liability`` (periods,) oldest first. The median of slopes shrugs off a single odd period.
    """
    series = np.asarray(liability, dtype=np.float64)
    if series.size < 4 or not np.isfinite(series).all():
        return Unavailable("A trend needs four periods or more without gaps.")
    slope, _, low, high = theilslopes(series, np.arange(series.size), alpha=level)
    return Estimate(float(slope), float(low), float(high), level, unit="money per period", method="theil-sen")


@dataclass(frozen=True, slots=True)
class LiabilityPoint:
    """One period on the chart; ``change`` and ``upper_limit`` are relative to the period before."""

    period: int
    change: float
    upper_limit: float
    p_value: float
    spike: bool


def liability_chart(
    liability: ArrayLike,
    *,
    alpha: float = 0.001,
    baseline: int = 8,
    memory: int = 26,
    smallest_deviation: float = 0.001,
) -> tuple[LiabilityPoint, ...] | Unavailable:
    """Judge each period's growth against the quiet growth before it, from the ``baseline``-th change on.

    ``liability`` (periods,) money above 0, oldest first. Logarithmic changes are compared, so steady growth
    is no alarm. One-sided p of a new value from a t prediction interval (Hahn & Meeker, "Statistical
    Intervals", 1991). Changes far off either way, and those beyond five robust deviations in the first
    baseline (Hampel), do not enter later baselines, which hold the last ``memory`` quiet changes: the
    growth of a young program is forgotten. ``smallest_deviation`` keeps a flat history from calling cents
    a spike.
    """
    if not 4 <= baseline <= memory:
        raise ValueError("A baseline has four changes or more, and at most as many as are remembered.")
    series = np.asarray(liability, dtype=np.float64)
    if not np.isfinite(series).all() or (series <= 0).any():
        return Unavailable("The chart needs a liability above 0 in every period.")
    if series.size < baseline + 2:
        return Unavailable(f"The chart needs {baseline + 2} periods and has {series.size}.")
    changes = np.diff(np.log(series))
    quiet = _without_outliers(changes[:baseline], smallest_deviation)
    points = []
    for index in range(baseline, changes.size):
        past = np.array(quiet[-memory:])
        deviation = max(float(past.std(ddof=1)), smallest_deviation) * math.sqrt(1 + 1 / past.size)
        score, freedom = (changes[index] - past.mean()) / deviation, past.size - 1
        p = float(t.sf(score, freedom))
        limit = float(np.expm1(past.mean() + t.isf(alpha, freedom) * deviation))
        points.append(LiabilityPoint(index + 1, float(np.expm1(changes[index])), limit, p, p < alpha))
        if alpha <= p <= 1 - alpha:
            quiet.append(float(changes[index]))
    return tuple(points)


def _without_outliers(changes: FloatArray, smallest_deviation: float) -> list[float]:
    centre = np.median(changes)
    robust = max(1.4826 * float(np.median(np.abs(changes - centre))), smallest_deviation)
    return [float(change) for change in changes if abs(change - centre) <= 5 * robust]
