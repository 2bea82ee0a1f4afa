"""Does the programme earn more than it costs? Point values, incremental margin, investment figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from programs.analytics.estimate import Unavailable

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RedemptionOption:
    """One reward: its share of redeemed points, price in points, and what it costs and is worth."""

    name: str
    share_of_points: float
    points: float
    unit_cost: float
    face_value: float


@dataclass(frozen=True, slots=True)
class PointValue:
    """Three numbers that are easily confused, each in money per point.

    ``face_value`` is what the member sees, ``cost`` what a redeemed point costs the programme,
    ``stand_alone_selling_price`` what accounting allocates: face value × chance of redemption.
    """

    face_value: float
    cost: float
    stand_alone_selling_price: float


def value_points(options: Sequence[RedemptionOption], redemption_rate: float) -> PointValue:
    """Cost per point = Σ redemption mix × unit cost / points, and likewise face value.

    ``redemption_rate`` is the ultimate rate of issued points (IFRS 15.B42).
    Raises ValueError when the mix does not sum to 1.
    """
    if not math.isclose(sum(option.share_of_points for option in options), 1.0, abs_tol=1e-6):
        raise ValueError("The redemption mix must sum to 1.")
    if any(option.points <= 0 for option in options) or not 0 <= redemption_rate <= 1:
        raise ValueError("Rewards cost points, and the redemption rate is a share.")
    face = sum(option.share_of_points * option.face_value / option.points for option in options)
    cost = sum(option.share_of_points * option.unit_cost / option.points for option in options)
    return PointValue(face, cost, face * redemption_rate)


@dataclass(frozen=True, slots=True, eq=False)
class IncrementalMargin:
    """A year of the programme, in money; scalars or one entry per scenario.

    ``net`` = ``margin`` − ``reward_on_incremental`` − ``reward_on_baseline`` − ``fixed_cost``.
    """

    margin: FloatArray
    reward_on_incremental: FloatArray
    reward_on_baseline: FloatArray
    """Rewards on purchases that would have happened anyway."""
    fixed_cost: FloatArray
    net: FloatArray


def incremental_margin(
    baseline_revenue: ArrayLike,
    margin_rate: ArrayLike,
    lift: ArrayLike,
    points_per_unit: ArrayLike,
    redemption_rate: ArrayLike,
    cost_per_point: ArrayLike,
    fixed_cost: ArrayLike,
) -> IncrementalMargin:
    """members × frequency × AOV × margin × lift − issued × redemption rate × cost per point − fixed cost.

    ``baseline_revenue`` = members × frequency × AOV without the programme, money per year; ``lift`` its
    relative rise; ``points_per_unit`` points issued per unit of money spent, on all purchases:
    issued = points_per_unit × baseline × (1 + lift). The reward on baseline purchases buys nothing.
    """
    revenue, growth = np.asarray(baseline_revenue, dtype=float), np.asarray(lift, dtype=float)
    reward_rate = (
        np.asarray(points_per_unit, dtype=float)
        * np.asarray(redemption_rate, dtype=float)
        * np.asarray(cost_per_point, dtype=float)
    )
    margin = revenue * np.asarray(margin_rate, dtype=float) * growth + 0.0  # no −0
    on_incremental, on_baseline = revenue * growth * reward_rate, revenue * reward_rate
    fixed = np.asarray(fixed_cost, dtype=float)
    net = margin - (on_incremental + on_baseline + fixed) + 0.0  # no −0
    return IncrementalMargin(margin, on_incremental, on_baseline, fixed, np.asarray(net))


def break_even_lift(
    baseline_revenue: float, margin_rate: float, reward_rate: float, fixed_cost: float
) -> float | Unavailable:
    """Lift at which the net is zero: L = (fixed + baseline·ρ) / (baseline·(margin − ρ)).

    ``reward_rate`` ρ = points per unit × redemption rate × cost per point, as a share of spend.
    """
    if baseline_revenue <= 0:
        return Unavailable("Without baseline revenue no lift pays for the programme.")
    if reward_rate >= margin_rate:
        return Unavailable("Rewards cost as much as the margin they earn: no lift breaks even.")
    return (fixed_cost + baseline_revenue * reward_rate) / (baseline_revenue * (margin_rate - reward_rate))


def net_present_value(rate: float, cash_flows: ArrayLike) -> float:
    """Σ flow_t / (1 + rate)^t, first flow now."""
    flows = np.asarray(cash_flows, dtype=float)
    return float((flows / (1 + rate) ** np.arange(flows.size)).sum())


def internal_rate_of_return(cash_flows: ArrayLike) -> float | Unavailable:
    """The rate per period at which the net present value is zero.

    Only given when it is the only one: with exactly one change of sign (Descartes).
    """
    flows = np.asarray(cash_flows, dtype=float)
    signs = np.sign(flows[flows != 0])
    changes = int((np.diff(signs) != 0).sum())
    if changes != 1:
        return Unavailable(
            "The cash flows never change sign: there is no rate of return."
            if changes == 0
            else "The cash flows change sign more than once: the rate of return is not unique."
        )
    flows = flows[np.flatnonzero(flows)[0] :]  # a later start earns at the same rate
    # In terms of x = 1/(1+rate) the value is a polynomial, free of poles, with one positive root.
    exponents = np.arange(flows.size)

    def value(x: float) -> float:
        return float((flows * x**exponents).sum())

    upper = 1.0
    while np.sign(value(upper)) != signs[-1]:
        upper *= 2
        if upper > 1e6:
            return Unavailable("Nearly all of the outlay is lost: the rate of return is below −99.99 %.")
    return 1 / float(brentq(value, 0.0, upper, xtol=1e-15, rtol=1e-14)) - 1


def payback_period(cash_flows: ArrayLike) -> float | Unavailable:
    """Periods until the cumulative flow stays at or above zero, interpolated within the period."""
    cumulative = np.cumsum(np.asarray(cash_flows, dtype=float))
    below = np.flatnonzero(cumulative < 0)
    if below.size == 0:
        return 0.0
    last = int(below[-1])
    if last == cumulative.size - 1:
        return Unavailable(f"Not paid back within {cumulative.size - 1} periods.")
    return last + float(-cumulative[last] / (cumulative[last + 1] - cumulative[last]))


def break_even_month(monthly_cash_flows: ArrayLike) -> int | Unavailable:
    """First month at whose end the cumulative cash flow is, and stays, at or above zero."""
    period = payback_period(monthly_cash_flows)
    return period if isinstance(period, Unavailable) else math.ceil(period - 1e-9)


@dataclass(frozen=True, slots=True, eq=False)
class LiftResponse:
    """How much more members spend for how much reward: L(g) = Σ weight · maximum · g / (g + half).

    ``g`` is the face value of rewards per unit spent. Returns diminish; at ``half`` (above 0) the lift is
    half its maximum. Several halves with weights that sum to 1 are a mean over what nobody knows better.
    """

    maximum: ArrayLike
    half: ArrayLike
    weight: ArrayLike = 1.0

    @classmethod
    def through(
        cls, lift: float, value_rate: float, half: ArrayLike, weight: ArrayLike = 1.0
    ) -> LiftResponse:
        """The curves of those ``half`` on which ``lift`` is seen at a reward of ``value_rate``."""
        halves = np.asarray(half, dtype=float)
        if value_rate <= 0 or (halves <= 0).any():
            raise ValueError("A lift is seen at a reward above 0.")
        return cls(lift * (value_rate + halves) / value_rate, halves, weight)

    def lift(self, value_rate: float) -> float:
        """Relative rise in spend at a reward of ``value_rate``."""
        most, half = np.asarray(self.maximum, dtype=float), np.asarray(self.half, dtype=float)
        return float(np.sum(np.asarray(self.weight) * most * value_rate / (value_rate + half)))

    def slope(self, value_rate: float) -> float:
        """By how much the lift rises for each further unit of reward."""
        most, half = np.asarray(self.maximum, dtype=float), np.asarray(self.half, dtype=float)
        return float(np.sum(np.asarray(self.weight) * most * half / (value_rate + half) ** 2))


def times_the_lift(value_rate: float, seen_at: float, half: ArrayLike) -> FloatArray:
    """How many times the lift that is seen at a reward of ``seen_at`` is seen at ``value_rate``, for each
    ``half``: 1 at ``seen_at`` whatever it is."""
    halves = np.asarray(half, dtype=float)
    return (seen_at + halves) / seen_at * value_rate / (value_rate + halves)


def best_value_rate(
    margin_rate: float, response: LiftResponse, cost_per_value: float, highest: float
) -> float:
    """The reward, face value per unit spent, at which a unit of spend without the program earns most.

    A unit earns m·L(g) − k·g·(1 + L(g)), k = ``cost_per_value``, the expected cost of a unit of face value.
    That is concave: its derivative m·L′ − k·(1 + L + g·L′) falls, and is zero at the best reward; 0 where no
    reward earns more than it costs, at most ``highest``. Fixed cost moves neither.
    """
    if response.slope(0.0) <= 0 or margin_rate <= 0:
        return 0.0
    if cost_per_value <= 0:
        return highest

    def gained(rate: float) -> float:
        slope = response.slope(rate)
        return margin_rate * slope - cost_per_value * (1 + response.lift(rate) + rate * slope)

    if gained(0.0) <= 0:
        return 0.0
    return highest if gained(highest) >= 0 else float(brentq(gained, 0.0, highest, xtol=1e-14))
