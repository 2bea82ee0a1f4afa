"""What will come of the points that are still out, fresh ones too.

Chain ladder multiplies what a vintage has redeemed so far: of points issued last week nothing has been, so
it expects nothing of them, however many they are. Here each age has a rate, the points redeemed at it / the
points issued, over the vintages that have reached it, and a vintage has the rates of the ages ahead of it.
Source: the additive method (incremental loss ratios); Merz and Wüthrich, "Prediction error of the
multivariate additive loss reserving method for dependent lines of business", Variance 3 (2009), for one line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.redemption_tail import RedemptionTail

FloatArray = NDArray[np.float64]
ROUNDING = 1e-9
"""Of points: what parts of them add up to may be more by this."""
METHOD = "additive method, Merz and Wüthrich"


@dataclass(frozen=True, slots=True, eq=False)
class PointOutlook:
    """Per vintage what was issued, redeemed and is still to come, in points, with its standard error.

    ``rate_of_new`` is the share of newly issued points that will be redeemed, with ``rate_error``.
    """

    issued: FloatArray
    redeemed: FloatArray
    to_come: FloatArray
    standard_error: FloatArray
    total_standard_error: float
    rate_of_new: float
    rate_error: float

    def breakage(self, *, level: float = 0.95) -> Estimate:
        """Points that will never be redeemed / points issued."""
        issued = float(self.issued.sum())
        lost = issued - float(self.redeemed.sum() + self.to_come.sum())
        return _share_of(lost, issued, self.total_standard_error, level)

    def rate_of_outstanding(
        self, outstanding: float, *, fresh: float = 0.0, redeemed_since: float = 0.0, level: float = 0.95
    ) -> MaybeEstimate:
        """Points still to be redeemed / points out, at a moment after the last full vintage.

        ``fresh`` points were issued since then, ``redeemed_since`` redeemed, of any vintage.
        """
        if outstanding <= 0:
            return Unavailable("No points are outstanding.")
        to_come = float(self.to_come.sum()) + fresh * self.rate_of_new - redeemed_since
        error = self.total_standard_error + fresh * self.rate_error
        return _share_of(min(max(to_come, 0.0), outstanding), outstanding, error, level)


def point_outlook(
    issued: ArrayLike,
    cumulative_redeemed: ArrayLike,
    lapsed: ArrayLike,
    *,
    tail: RedemptionTail | None = None,
) -> PointOutlook | Unavailable:
    """What is to come of each vintage by the development of the older ones; never more than is out.

    ``issued`` and ``lapsed`` (vintages,) points, ``cumulative_redeemed`` (vintages, ages), oldest first, NaN
    where an age is not over. ``tail`` is what comes after the oldest vintage's age. Unavailable where two
    vintages and two ages are not there, where nothing was redeemed, and where more went out of a vintage than
    was issued.
    """
    points, gone = np.asarray(issued, dtype=float), np.asarray(lapsed, dtype=float)
    triangle = np.asarray(cumulative_redeemed, dtype=float)
    if min(triangle.shape) < 2:
        return Unavailable("It takes two months of issue and two months of redemptions.")
    redeemed = np.nanmax(triangle, axis=1)
    if redeemed.sum() <= 0:
        return Unavailable("No point has been redeemed yet.")
    most = points * (1 + ROUNDING)
    if (redeemed > most).any() or (redeemed.sum() + gone.sum()) > most.sum():
        return Unavailable("More points were redeemed or expired than issued: check the months of issue.")
    rates, scatter, exposure = _rates(points, triangle)
    ages = (~np.isnan(triangle)).sum(axis=1)
    ahead = np.arange(rates.size) >= ages[:, None]  # (vintages, ages) still to be lived through
    out = np.maximum(points - redeemed - gone, 0.0)
    beyond, beyond_error = (tail.rate or 0.0, tail.error) if tail else (0.0, 0.0)
    to_come = np.minimum(points * ((ahead * rates).sum(axis=1) + beyond), out)
    process = points * (ahead * scatter).sum(axis=1)
    error = process + points**2 * ((ahead * scatter / exposure).sum(axis=1) + beyond_error**2)
    # Vintages share the rates of the ages ahead of them: those errors add up rather than cancel.
    shared = ((points[:, None] * ahead).sum(axis=0) ** 2 * scatter / exposure).sum()
    shared += (points.sum() * beyond_error) ** 2
    return PointOutlook(
        points,
        redeemed,
        to_come,
        np.sqrt(error),
        math.sqrt(process.sum() + shared),
        min(float(rates.sum()) + beyond, 1.0),
        math.sqrt((scatter / exposure).sum() + scatter.sum() / points.mean() + beyond_error**2),
    )


def _rates(issued: FloatArray, triangle: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Of each age: points redeemed at it / points issued, the variance of that, and the points issued.

    An age that one vintage alone has reached takes the smaller variance of the two ages before it.
    """
    steps = np.diff(triangle, axis=1, prepend=0.0)
    rates, scatter, exposure = (np.zeros(triangle.shape[1]) for _ in range(3))
    for age in range(triangle.shape[1]):
        seen = ~np.isnan(steps[:, age]) & (issued > 0)
        weight, told = issued[seen], steps[seen, age]
        exposure[age] = weight.sum()
        rates[age] = told.sum() / exposure[age]
        if seen.sum() > 1:
            scatter[age] = (weight * (told / weight - rates[age]) ** 2).sum() / (seen.sum() - 1)
        elif age > 0:
            scatter[age] = scatter[max(age - 2, 0) : age].min()
    return rates, scatter, exposure


def _share_of(part: float, whole: float, error: float, level: float) -> Estimate:
    half = float(norm.ppf(0.5 + level / 2)) * error
    low, high = (min(max(end / whole, 0.0), 1.0) for end in (part - half, part + half))
    return Estimate(part / whole, low, high, level, error / whole, part, whole, "share", METHOD)
