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
    return_on_cost: FloatArray


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
    margin = revenue * np.asarray(margin_rate, dtype=float) * growth
    on_incremental, on_baseline = revenue * growth * reward_rate, revenue * reward_rate
    fixed = np.asarray(fixed_cost, dtype=float)
    cost = on_incremental + on_baseline + fixed
    net = margin - cost
    with np.errstate(invalid="ignore", divide="ignore"):
        return_on_cost = np.where(cost > 0, net / cost, np.nan)
    return IncrementalMargin(
        margin, on_incremental, on_baseline, fixed, np.asarray(net), np.asarray(return_on_cost)
    )


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


@dataclass(frozen=True, slots=True)
class LiftResponse:
    """How much more members spend for how much reward: L(g) = maximum · g / (g + half).

    ``g`` is the face value of rewards per unit spent. Returns diminish; at ``half`` the lift is half
    its maximum. ``half`` = 0 is a lift that was measured and does not depend on the reward.
    """

    maximum: float
    half: float

    def lift(self, value_rate: float) -> float:
        """Relative rise in spend at a reward of ``value_rate``."""
        if self.half == 0:
            return self.maximum
        return self.maximum * value_rate / (value_rate + self.half)


@dataclass(frozen=True, slots=True)
class RewardRange:
    """Yearly reward pools, in money: where the net is greatest, and where it is not negative."""

    best: float
    lowest: float
    highest: float


def sustainable_pool(
    baseline_revenue: float,
    margin_rate: float,
    response: LiftResponse,
    value_per_cost: float,
    fixed_cost: float,
) -> RewardRange | Unavailable:
    """Closed form for the pool that earns most and the pools that at least pay for themselves.

    Net per unit of baseline is m·M·g/(g+h) − g/φ − k, concave in g, with φ = ``value_per_cost`` face value
    bought by one unit of reward cost: its maximum lies at g* = √(m·M·h·φ) − h, its zeros solve a quadratic.
    """
    if baseline_revenue <= 0:
        return Unavailable("Without baseline revenue no reward pool pays for itself.")
    if response.half == 0:
        return Unavailable("The lift does not depend on the reward, so no pool is better than the smallest.")
    gain = margin_rate * response.maximum
    fixed = fixed_cost / baseline_revenue
    half = response.half
    linear = gain - half / value_per_cost - fixed
    discriminant = linear**2 - 4 * fixed * half / value_per_cost
    best = math.sqrt(gain * half * value_per_cost) - half
    if best <= 0 or linear <= 0 or discriminant < 0:
        return Unavailable(
            "At no reward pool does the expected margin cover rewards and fixed cost; "
            "the base, the margin or the lift is too small."
        )
    root = math.sqrt(discriminant)
    scale = baseline_revenue / value_per_cost
    return RewardRange(
        best=best * scale,
        lowest=(linear - root) * value_per_cost / 2 * scale,
        highest=(linear + root) * value_per_cost / 2 * scale,
    )
