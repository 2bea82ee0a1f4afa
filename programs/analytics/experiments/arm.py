"""One arm of an experiment as sufficient statistics, with or without a pre-period (CUPED)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Arm:
    """Mean and variance per member over ``members``; a proportion's variance is p(1 − p).

    ``skewness`` of the members' values (third standardised moment) where it is known, and the ``values``
    other than 0 themselves where there are not too many: an interval of skewed outcomes needs them.
    """

    members: int
    mean: float
    variance: float
    is_proportion: bool = False
    skewness: float | None = None
    values: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of_sums(
        cls, members: int, total: float, sum_of_squares: float, sum_of_cubes: float | None = None
    ) -> Arm:
        """From Σy, Σy² and, where known, Σy³ over members. Raises ValueError with fewer than two members."""
        if members < 2:
            raise ValueError("A variance needs two members or more in each arm.")
        centred = max(sum_of_squares - total**2 / members, 0.0)
        mean = total / members
        skewness = None
        if sum_of_cubes is not None and centred > 0:
            third = sum_of_cubes / members - 3 * mean * sum_of_squares / members + 2 * mean**3
            skewness = third / (centred / members) ** 1.5
        return cls(members, mean, centred / (members - 1), skewness=skewness)

    @classmethod
    def of_proportion(cls, successes: int, members: int) -> Arm:
        """From ``successes`` of ``members``. Raises ValueError when they do not fit."""
        if not 0 <= successes <= members or members < 1:
            raise ValueError(f"{successes} successes do not fit into {members} members.")
        share = successes / members
        variance = share * (1 - share)
        skewness = (1 - 2 * share) / math.sqrt(variance) if variance else None
        return cls(members, share, variance, is_proportion=True, skewness=skewness)

    @classmethod
    def of_ratio(
        cls,
        members: int,
        numerator: float,
        denominator: float,
        numerator_squares: float,
        denominator_squares: float,
        cross_products: float,
    ) -> Arm:
        """Σy/Σx with members as the unit of sampling, such as revenue per order (delta method).

        Source: Deng, Knoblich & Lu, "Applying the delta method in metric analytics", KDD 2018.
        """
        if members < 2 or denominator <= 0:
            raise ValueError("A ratio needs two members or more and a positive denominator.")
        ratio, mean_denominator = numerator / denominator, denominator / members
        residual = numerator_squares - 2 * ratio * cross_products + ratio**2 * denominator_squares
        return cls(members, ratio, max(residual, 0.0) / (members - 1) / mean_denominator**2)

    def with_values(self, values: NDArray[np.float64]) -> Arm:
        """The same arm with its members' values. Raises ValueError where there are more than members."""
        if values.size > self.members:
            raise ValueError(f"{values.size} values do not fit into {self.members} members.")
        return replace(self, values=values[values != 0])

    @property
    def is_skewed(self) -> bool:
        """Whether the mean of so many members is not normal yet: fewer than 355 times the squared skewness.

        Source: Kohavi, Deng, Longbotham & Xu, "Seven rules of thumb for web site experimenters", KDD 2014.
        """
        return self.skewness is not None and self.members < 355 * self.skewness**2

    @property
    def variance_of_mean(self) -> float:
        """Squared standard error of the mean."""
        return self.variance / self.members


@dataclass(frozen=True, slots=True)
class PrePeriod:
    """Sums over an arm's members of the outcome y and of the same members' pre-period value x.

    x must date from before assignment, or it takes away part of the effect.
    """

    members: int
    outcome: float
    outcome_squares: float
    before: float
    before_squares: float
    cross_products: float

    def _moments(self) -> tuple[float, float, float]:
        """Σ of centred squares of y and x, and of their centred products."""
        n = self.members
        return (
            max(self.outcome_squares - self.outcome**2 / n, 0.0),
            max(self.before_squares - self.before**2 / n, 0.0),
            self.cross_products - self.outcome * self.before / n,
        )


@dataclass(frozen=True, slots=True)
class CupedAdjustment:
    """Adjusted arms (control first), θ, and the share of variance the pre-period explains."""

    arms: tuple[Arm, ...]
    theta: float
    variance_reduction: float


def adjust_with_pre_period(*arms: PrePeriod) -> CupedAdjustment:
    """CUPED: y − θ(x − x̄) with one θ = cov(y, x)/var(x) pooled within arms and x̄ over all arms.

    Source: Deng, Xu, Kohavi & Walker, "Improving the sensitivity of online controlled experiments by
    utilizing pre-experiment data", WSDM 2013. A pre-period without variation leaves the arms as they are.
    """
    if any(arm.members < 2 for arm in arms):
        raise ValueError("A variance needs two members or more in each arm.")
    moments = [arm._moments() for arm in arms]
    s_yy, s_xx, s_xy = (sum(column) for column in zip(*moments, strict=True))
    theta = s_xy / s_xx if s_xx > 0 else 0.0
    everyone = sum(arm.members for arm in arms)
    mean_before = sum(arm.before for arm in arms) / everyone
    adjusted = tuple(
        Arm(
            arm.members,
            arm.outcome / arm.members - theta * (arm.before / arm.members - mean_before),
            max(y - 2 * theta * xy + theta**2 * x, 0.0) / (arm.members - 1),
        )
        for arm, (y, x, xy) in zip(arms, moments, strict=True)
    )
    explained = theta * s_xy / s_yy if s_yy > 0 else 0.0
    return CupedAdjustment(adjusted, theta, explained)
