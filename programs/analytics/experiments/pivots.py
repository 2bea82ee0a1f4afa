"""Where the normal delta method promises too much: intervals of a ratio of means by inverting a test.

A pivot tells for each ratio ``φ`` of treatment to control how far the data lie from it, as a score that is
standard normal where φ is true. An interval is all ratios within some score of 0, a p-value the tail beyond
the score at 1, and the posterior of a flat prior what lies above a ratio (a confidence distribution: Schweder
and Hjort, "Confidence and likelihood", Scandinavian Journal of Statistics 29, 2002). So the fixed, the
always-valid and the Bayesian answer of one test agree with one another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm
from scipy.stats import t as student

from programs.analytics.estimate import Unavailable
from programs.analytics.experiments.arm import Arm

WIDEST = 40
"""Ends are looked for up to so many doublings from the ratio found."""
Ends = tuple[float, float] | Unavailable


class Pivot(Protocol):
    """``ratio`` of the means as found; ``method`` names the test that is inverted."""

    @property
    def method(self) -> str: ...

    @property
    def ratio(self) -> float: ...

    def score(self, ratio: float) -> float:
        """Normal score of the data where ``ratio`` is true: above 0 where they lie higher. Falls with it."""
        ...

    def ends(self, score: float) -> Ends:
        """The lowest and the highest ratio within ``score`` (above 0) of the data."""
        ...


def search_ends(pivot: Pivot, score: float, *, negative: bool = False) -> Ends:
    """Ends of a pivot that knows ratios above 0 alone; values may be ``negative`` where means may be."""
    upper = _crossing(pivot, -score, 2.0)
    if upper is None:
        return Unavailable("The control's mean is not known to be above 0, so no lift can be stated.")
    lower = _crossing(pivot, score, 0.5)
    if lower is None and negative:
        return Unavailable("The treated mean is not known to be above 0, so no lift can be stated.")
    return lower or 0.0, upper


def _crossing(pivot: Pivot, score: float, step: float) -> float | None:
    """The ratio at which the score is ``score``; None where it does not get there."""
    near = pivot.ratio or 2.0**-WIDEST  # none of the treated: 0 has no double
    for _ in range(WIDEST):
        far = near * step
        if (pivot.score(far) - score) * (1 if step > 1 else -1) <= 0:
            low, high = sorted((near, far))
            return float(brentq(lambda ratio: pivot.score(ratio) - score, low, high, rtol=1e-6))
        near = far
    return None


@dataclass(frozen=True, slots=True)
class FiellerPivot:
    """Welch's test of m_t − φ·m_c (Fieller 1954), from means and variances alone.

    In the difference of two arms alike the skewness of the values cancels; in arms of unlike size not.
    """

    control: Arm
    treatment: Arm
    method: str = "fieller"

    @property
    def ratio(self) -> float:
        return self.treatment.mean / self.control.mean

    def score(self, ratio: float) -> float:
        error = math.sqrt(self.treatment.variance_of_mean + ratio**2 * self.control.variance_of_mean)
        statistic = (self.treatment.mean - ratio * self.control.mean) / error
        tail = float(student.sf(abs(statistic), welch_freedom(self.control, self.treatment)))
        return math.copysign(float(norm.isf(tail)), statistic)

    def ends(self, score: float) -> Ends:
        control, ratio = self.control, self.ratio
        quantile = float(student.isf(norm.sf(score), welch_freedom(control, self.treatment)))
        unsure = quantile**2 * control.variance_of_mean / control.mean**2
        if unsure >= 1:
            mean = f"{control.mean:.4g}"
            return Unavailable(
                f"The control's mean of {mean} is not known to be above 0, so no lift can be stated."
            )
        inner = self.treatment.variance_of_mean * (1 - unsure) + ratio**2 * control.variance_of_mean
        half_width = quantile / control.mean * math.sqrt(inner) / (1 - unsure)
        centre = ratio / (1 - unsure)
        return centre - half_width, centre + half_width


@dataclass(frozen=True, slots=True)
class ScorePivot:
    """The score test of p_t = φ·p_c for two shares: variances as they are where φ is true.

    Source: Miettinen & Nurminen, "Comparative analysis of two rates", Statistics in Medicine 4 (1985).
    """

    control: Arm
    treatment: Arm
    method: str = "score test of two shares"

    @property
    def ratio(self) -> float:
        return self.treatment.mean / self.control.mean

    def score(self, ratio: float) -> float:
        n_c, n_t = self.control.members, self.treatment.members
        x_c, x_t = self.control.mean * n_c, self.treatment.mean * n_t
        both = n_c + n_t
        # The most likely share of the control where the treatment's is φ times as high.
        b = ratio * (n_t + x_c) + x_t + n_c
        root = math.sqrt(max(b * b - 4 * both * ratio * (x_c + x_t), 0.0))
        share = (b - root) / (2 * both * ratio)
        raised = min(ratio * share, 1.0)
        variance = raised * (1 - raised) / n_t + ratio**2 * share * (1 - share) / n_c
        difference = self.treatment.mean - ratio * self.control.mean
        if variance <= 0:
            return math.copysign(math.inf, difference)
        return difference / math.sqrt(variance * both / (both - 1))

    def ends(self, score: float) -> Ends:
        return search_ends(self, score)


def welch_freedom(control: Arm, treatment: Arm) -> float:
    """Degrees of freedom by Welch and Satterthwaite."""
    parts = [(arm.variance_of_mean, arm.members - 1) for arm in (control, treatment)]
    return sum(part for part, _ in parts) ** 2 / sum(part**2 / freedom for part, freedom in parts)


@dataclass(frozen=True, slots=True)
class Chances:
    """Of a flat prior: chance of a ratio above 1, and the expected shortfall below and excess above 1."""

    above: float
    shortfall: float
    excess: float


def chances_of(pivot: Pivot, *, points: int = 201, span: float = 2.5758) -> Chances | Unavailable:
    """Over the central 99 % of the confidence distribution (``span`` in normal scores)."""
    ends = pivot.ends(span)
    if isinstance(ends, Unavailable):
        return ends
    at_one = pivot.score(1.0)

    def area(start: float, stop: float, sign: float) -> float:
        if stop <= start:
            return 0.0
        ratios = np.linspace(start, stop, points)
        tails = norm.cdf([sign * pivot.score(ratio) for ratio in ratios])
        return float(np.trapezoid(tails, ratios))

    low = max(ends[0], 1e-9)
    # Beyond the ends nearly all, or nearly nothing, lies on one side.
    shortfall = area(low, min(ends[1], 1.0), -1.0) + max(1.0 - ends[1], 0.0)
    excess = area(max(low, 1.0), ends[1], 1.0) + max(low - 1.0, 0.0)
    return Chances(float(norm.cdf(at_one)), shortfall, excess)
