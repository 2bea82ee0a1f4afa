"""An input of the model: its range, its unit, and who says so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_jacobi

STATED = "stated assumption"
NOT_ENTERED = "not entered, counted as 0"
NODES = 12
"""Of a quadrature: the lift of any reward is exact to many more digits than people read."""


@dataclass(frozen=True, slots=True)
class Assumption:
    """A range with its unit and source: beta-PERT (Malcolm et al. 1959; Clark 1962), or normal where
    measured.

    ``low == high`` is a known value. ``source`` says where the range comes from: ``STATED``, or the data,
    contract, person or experiment that it rests on. With a ``standard_error`` the value was measured: ``low``
    and ``high`` are its interval, half of all draws lie to each side of ``mode``, normal with the spread that
    the interval has on that side, and all are kept between ``floor`` and ``ceiling``.
    """

    name: str
    low: float
    mode: float
    high: float
    unit: str
    source: str = STATED
    standard_error: float | None = None
    floor: float = -math.inf
    ceiling: float = math.inf
    owner: str = ""

    def __post_init__(self) -> None:
        if not self.low <= self.mode <= self.high:
            raise ValueError(f"{self.name}: {self.low} ≤ {self.mode} ≤ {self.high} does not hold.")

    @classmethod
    def known(cls, name: str, value: float, unit: str, source: str, owner: str = "") -> Assumption:
        """A measured or contracted value, without a range."""
        return cls(name, value, value, value, unit, source, owner=owner)

    @classmethod
    def around(cls, name: str, value: float, share: float, unit: str, source: str, owner: str = "",
               ceiling: float = math.inf) -> Assumption:  # fmt: skip
        """``value`` ± ``share`` of it, whatever its sign, and at most ``ceiling``."""
        low, high = sorted((value * (1 - share), value * (1 + share)))
        return cls(name, low, value, max(min(high, ceiling), value), unit, source, owner=owner)

    @property
    def mean(self) -> float:
        """(low + 4·mode + high) / 6; where it was measured, the mean of its two halves."""
        if self.standard_error is not None:
            below, above = self.spreads
            return self.mode + (above - below) / math.sqrt(2 * math.pi)
        return (self.low + 4 * self.mode + self.high) / 6

    @property
    def spreads(self) -> tuple[float, float]:
        """Standard deviations below and above a measured value: its error, as uneven as the interval.

        An interval that was cut off at the floor does not show how uneven it was, and counts as even.
        """
        error, width = self.standard_error or 0.0, self.high - self.low
        if width == 0 or self.low <= self.floor or self.high >= self.ceiling:
            return error, error
        return 2 * error * (self.mode - self.low) / width, 2 * error * (self.high - self.mode) / width

    @property
    def is_stated(self) -> bool:
        """Nobody measured it: the reader has to be told."""
        return self.source.startswith(STATED)

    def nodes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Values of the range and their weights, which sum to 1: what a function of it is on average.

        Gauss–Jacobi quadrature, whose weight function is the density of the beta-PERT (Abramowitz and Stegun
        25.4.33). A measured or known value is its mean alone.
        """
        if self.standard_error is not None or self.low == self.high:
            return np.array([self.mean]), np.ones(1)
        return _nodes(self.low, self.mode, self.high)

    def sample(self, generator: np.random.Generator, draws: int) -> NDArray[np.float64]:
        """``draws`` values: between low and high, or around the measured value."""
        if self.standard_error is not None:
            scores = generator.standard_normal(draws)
            below, above = self.spreads
            drawn = self.mode + np.where(scores < 0, below, above) * scores
            return np.clip(drawn, self.floor, self.ceiling)
        width = self.high - self.low
        if width == 0:
            return np.full(draws, self.mode)
        alpha = 1 + 4 * (self.mode - self.low) / width
        return self.low + width * generator.beta(alpha, 6 - alpha, size=draws)


@lru_cache(maxsize=64)
def _nodes(low: float, mode: float, high: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    alpha = 1 + 4 * (mode - low) / (high - low)
    at, weight = roots_jacobi(NODES, 5 - alpha, alpha - 1)
    return low + (high - low) * (at + 1) / 2, weight / weight.sum()


@dataclass(frozen=True, slots=True)
class LoyaltyAssumptions:
    """What a loyalty program's economics rest on; amounts are in the program's currency.

    Shares have stated defaults, wide on purpose; money has none, because no amount fits every currency and
    business. Measured and entered values replace them one by one.
    """

    enrolment: Assumption = Assumption("enrolment", 0.30, 0.50, 0.70, "share of members")
    lift: Assumption = Assumption("lift", 0.013, 0.04, 0.083, "relative rise in spend at the reward below")
    lift_value_rate: Assumption = Assumption(
        "lift_value_rate", 0.01, 0.01, 0.01, "face value per unit spent, at which the lift holds"
    )
    half_lift_value_rate: Assumption = Assumption(
        "half_lift_value_rate", 0.01, 0.02, 0.04, "face value per unit spent at half the greatest lift"
    )
    redemption_rate: Assumption = Assumption("redemption_rate", 0.60, 0.75, 0.90, "share of issued points")
    cost_per_point: Assumption = Assumption(
        "cost_per_point", 0.006, 0.0075, 0.009, "money per redeemed point"
    )
    face_value: Assumption = Assumption("face_value", 0.01, 0.01, 0.01, "money per point")
    margin_rate: Assumption = Assumption("margin_rate", 0.35, 0.40, 0.45, "gross margin, share of revenue")
    platform_cost: Assumption = Assumption("platform_cost", 0, 0, 0, "money per year", NOT_ENTERED)
    launch_cost: Assumption = Assumption("launch_cost", 0, 0, 0, "money, once", NOT_ENTERED)
    discount_rate: Assumption = Assumption("discount_rate", 0.10, 0.10, 0.10, "per year")
    revenue_base: Assumption = Assumption("revenue_base", 1, 1, 1, "of the projected revenue base")
    revenue_later: Assumption = Assumption(
        "revenue_after_a_year",
        1,
        1,
        1,
        "of the projected revenue base after twelve months, beside its own error",
    )
    highest_value_rate: float = 0.10
    """No earn rate gives back more face value than this per unit spent, however large the budget."""
    ramp_months: int = 6
    """Months until all who will enrol have enrolled, in a straight line."""
    horizon_months: int = 36
    horizon_source: str = STATED
    tolerated_overrun: float = 0.10
    """The proposed pool overruns the budget with at most this chance."""
    tolerated_overrun_source: str = STATED
    tolerated_loss: float = 0.25
    """A program whose chance of a loss over the horizon is higher is tested before it is launched."""
    tolerated_loss_source: str = STATED

    def drawn(self) -> tuple[Assumption, ...]:
        """Those that differ from draw to draw."""
        return (
            self.enrolment,
            self.lift,
            self.redemption_rate,
            self.cost_per_point,
            self.margin_rate,
            self.platform_cost,
            self.launch_cost,
            self.revenue_base,
            self.half_lift_value_rate,
            self.revenue_later,
        )

    def table(self) -> tuple[Assumption, ...]:
        """All ranges, in the order a reader needs them."""
        return (
            self.lift,
            self.lift_value_rate,
            self.half_lift_value_rate,
            self.enrolment,
            self.margin_rate,
            self.redemption_rate,
            self.cost_per_point,
            self.face_value,
            self.platform_cost,
            self.launch_cost,
            self.discount_rate,
            Assumption.known("horizon", self.horizon_months, "months", self.horizon_source),
            Assumption.known(
                "tolerated_overrun", self.tolerated_overrun, "chance in a year", self.tolerated_overrun_source
            ),
            Assumption.known(
                "tolerated_loss", self.tolerated_loss, "chance over the horizon", self.tolerated_loss_source
            ),
            Assumption.known("ramp", self.ramp_months, "months until all have enrolled", STATED),
            self.revenue_base,
            self.revenue_later,
        )
