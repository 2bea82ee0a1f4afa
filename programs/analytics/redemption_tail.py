"""What is redeemed beyond the age of the oldest month of issue: no triangle has seen it.

The shares of points redeemed at the last ages fall by a constant factor where habits thin out evenly; where
they do, the rest of that geometric series is the tail. Source: Sherman, "Extrapolating, smoothing and
interpolating development factors", Proceedings of the CAS 71 (1984), exponential decay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, t

from gtm.core.percents import percent_text

FloatArray = NDArray[np.float64]

FEWEST_AGES = 4
"""Of the falling part: a line through three points says little of how sure it is."""
SLOWEST_DECAY = 0.95
"""A month: redemptions that fall more slowly may go on for ever, and nobody can say how long."""
WORTH_SAYING = 0.0005
"""Of the points issued: at a smaller share in the last month redemptions have ended."""


@dataclass(frozen=True, slots=True)
class RedemptionTail:
    """``rate`` of the points issued is redeemed after ``ages`` months, with its standard error; None where
    redemptions go on and do not fall yet. ``last`` is the share redeemed in the last month seen.
    """

    ages: int
    last: float
    rate: float | None
    error: float = 0.0

    @property
    def sentence(self) -> str:
        """For whoever reads the redemption rate."""
        if self.rate is None:
            return (
                f"redemptions still run at {percent_text(self.last, 2)} of the points a month after "
                f"{self.ages} months and do not fall yet: what comes later is not in the rate"
            )
        if self.rate == 0:
            return f"none is seen to be redeemed after {self.ages} months"
        by = "by how redemptions fall with age"
        return f"{percent_text(self.rate)} of the points are redeemed after {self.ages} months, {by}"


def redemption_tail(issued: ArrayLike, cumulative_redeemed: ArrayLike) -> RedemptionTail:
    """The tail of a triangle.

    ``issued`` (vintages,); ``cumulative_redeemed`` (vintages, ages), NaN where an age is not over.
    """
    points, triangle = np.asarray(issued, dtype=float), np.asarray(cumulative_redeemed, dtype=float)
    steps = np.diff(triangle, axis=1, prepend=0.0)
    seen = ~np.isnan(steps)
    exposure = (seen * points[:, None]).sum(axis=0)
    redeemed = np.where(seen, steps, 0.0).sum(axis=0)
    rates = np.divide(redeemed, exposure, out=np.zeros_like(redeemed), where=exposure > 0)
    ages = rates.size
    last = float(rates[-2:].mean())
    if rates[-1] <= WORTH_SAYING or last <= WORTH_SAYING:
        return RedemptionTail(ages, float(rates[-1]), 0.0)
    falling = np.arange(int(rates.argmax()), ages)
    falling = falling[rates[falling] > 0]
    if falling.size < FEWEST_AGES:
        return RedemptionTail(ages, last, None)
    ever_faster = _falls_ever_faster(falling, rates[falling], redeemed[falling])
    if ever_faster:
        falling = falling[-FEWEST_AGES:]
    # An age tells as much as the points that were redeemed at it.
    weight = redeemed[falling]
    middle = float(np.average(falling, weights=weight))
    logs = np.log(rates[falling])
    spread = float((weight * (falling - middle) ** 2).sum())
    slope = float((weight * (falling - middle) * logs).sum()) / spread
    level = float(np.average(logs, weights=weight))
    decay = math.exp(slope)
    if decay > SLOWEST_DECAY:
        return RedemptionTail(ages, last, None)
    at_last = math.exp(level + slope * (ages - 1 - middle))
    beyond = (min(at_last, float(rates[-1])) if ever_faster else at_last) * decay / (1 - decay)
    scatter = logs - level - slope * (falling - middle)
    variance = float((weight * scatter**2).sum()) / weight.sum() * falling.size / (falling.size - 2)
    # Of ln(tail): of the level at the last age, and of the decay that is summed over all ages to come.
    of_slope = variance * float(weight.sum()) / falling.size / spread
    reach = ages - 1 - middle + 1 / (1 - decay)
    relative = math.sqrt(variance / falling.size + of_slope * reach**2)
    relative *= float(t.ppf(0.975, falling.size - 2) / norm.ppf(0.975))  # of a line through few points
    rate = min(beyond, max(1.0 - float(rates.sum()), 0.0))
    return RedemptionTail(ages, last, rate, rate * relative)


def _falls_ever_faster(ages: NDArray[np.int64], rates: FloatArray, weight: FloatArray) -> bool:
    """Whether the logarithms bend down beyond chance: then only the last ages say how it goes on."""
    if ages.size <= FEWEST_AGES + 1:
        return ages.size > FEWEST_AGES
    root = np.sqrt(weight)
    centred = ages - np.average(ages, weights=weight)
    design = np.column_stack([np.ones(ages.size), centred, centred**2]) * root[:, None]
    found, *_ = np.linalg.lstsq(design, np.log(rates) * root, rcond=None)
    left = np.log(rates) * root - design @ found
    covariance = np.linalg.inv(design.T @ design) * float(left @ left) / (ages.size - 3)
    return bool(found[2] < -2 * math.sqrt(max(covariance[2, 2], 0.0)))
