"""An input nobody has measured yet: its range, its unit, and who says so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STATED = "stated assumption"


@dataclass(frozen=True, slots=True)
class Assumption:
    """A beta-PERT range (Malcolm et al. 1959; Clark 1962) with its unit and source.

    ``low == high`` is a known value. ``source`` says where the range comes from: ``STATED``,
    or the data, contract or experiment that measured it.
    """

    name: str
    low: float
    mode: float
    high: float
    unit: str
    source: str = STATED

    def __post_init__(self) -> None:
        if not self.low <= self.mode <= self.high:
            raise ValueError(f"{self.name}: {self.low} ≤ {self.mode} ≤ {self.high} does not hold.")

    @classmethod
    def known(cls, name: str, value: float, unit: str, source: str) -> Assumption:
        """A measured or contracted value, without a range."""
        return cls(name, value, value, value, unit, source)

    @property
    def mean(self) -> float:
        """(low + 4·mode + high) / 6."""
        return (self.low + 4 * self.mode + self.high) / 6

    @property
    def is_stated(self) -> bool:
        """Nobody measured it: the reader has to be told."""
        return self.source.startswith(STATED)

    def sample(self, generator: np.random.Generator, draws: int) -> NDArray[np.float64]:
        """``draws`` values between low and high."""
        width = self.high - self.low
        if width == 0:
            return np.full(draws, self.mode)
        alpha = 1 + 4 * (self.mode - self.low) / width
        return self.low + width * generator.beta(alpha, 6 - alpha, size=draws)


@dataclass(frozen=True, slots=True)
class LoyaltyAssumptions:
    """What a loyalty programme's economics rest on before it has a history of its own.

    Every default is a stated assumption, wide on purpose; measured values replace them one by one
    (redemption rate and cost per point from the ledger, lift from a holdout group).
    """

    enrolment: Assumption = Assumption("enrolment", 0.30, 0.50, 0.70, "share of members")
    maximum_lift: Assumption = Assumption("maximum_lift", 0.04, 0.12, 0.25, "relative rise in spend")
    half_lift_value_rate: Assumption = Assumption(
        "half_lift_value_rate", 0.02, 0.02, 0.02, "face value per unit spent at half the maximum lift"
    )
    redemption_rate: Assumption = Assumption("redemption_rate", 0.60, 0.75, 0.90, "share of issued points")
    cost_per_point: Assumption = Assumption(
        "cost_per_point", 0.006, 0.0075, 0.009, "money per redeemed point"
    )
    face_value: Assumption = Assumption("face_value", 0.01, 0.01, 0.01, "money per point")
    margin_rate: Assumption = Assumption("margin_rate", 0.35, 0.40, 0.45, "gross margin, share of revenue")
    platform_cost: Assumption = Assumption("platform_cost", 12_000, 24_000, 48_000, "money per year")
    launch_cost: Assumption = Assumption("launch_cost", 10_000, 20_000, 40_000, "money, once")
    discount_rate: Assumption = Assumption("discount_rate", 0.10, 0.10, 0.10, "per year")
    highest_value_rate: float = 0.10
    """No earn rate gives back more face value than this per unit spent, however large the budget."""
    ramp_months: int = 6
    """Months until all who will enrol have enrolled, in a straight line."""
    horizon_months: int = 36

    def table(self) -> tuple[Assumption, ...]:
        """All ranges, in the order a reader needs them."""
        return (
            self.enrolment,
            self.maximum_lift,
            self.half_lift_value_rate,
            self.redemption_rate,
            self.cost_per_point,
            self.face_value,
            self.margin_rate,
            self.platform_cost,
            self.launch_cost,
            self.discount_rate,
        )
