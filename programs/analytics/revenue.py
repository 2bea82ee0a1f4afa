"""Revenue on a sale that earns points, a material right (IFRS 15.B39–B43, ASC 606-10-55-41)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Allocation:
    """The transaction price split over goods and points, in the currency of the sale."""

    goods: float
    points: float


def allocate_price(price: float, goods_selling_price: float, points_selling_price: float) -> Allocation:
    """Split ``price`` by relative stand-alone selling prices (IFRS 15.76).

    The price of the points already counts the chance that they are redeemed (B42).
    """
    if price < 0 or min(goods_selling_price, points_selling_price) < 0:
        raise ValueError("Prices cannot be negative.")
    total = goods_selling_price + points_selling_price
    if total == 0:
        raise ValueError("Stand-alone selling prices cannot both be zero.")
    goods = price * goods_selling_price / total
    return Allocation(goods, price - goods)


@dataclass(frozen=True, slots=True, eq=False)
class RevenueSchedule:
    """Revenue from points per reporting period and the contract liability at its end."""

    cumulative: FloatArray
    revenue: FloatArray
    liability: FloatArray


def recognise_points(
    allocated: float, redeemed_to_date: ArrayLike, expected_redemptions: ArrayLike
) -> RevenueSchedule:
    """Revenue in proportion to the pattern of redemption, breakage included (IFRS 15.B46).

    Both arrays have one entry per reporting date: points redeemed so far and the estimate, at that
    date, of points that will be redeemed in all. A new estimate is caught up at once, cumulatively,
    so a period's revenue may be negative. Raises ValueError when more is redeemed than expected.
    """
    redeemed = np.asarray(redeemed_to_date, dtype=float)
    expected = np.asarray(expected_redemptions, dtype=float)
    if redeemed.shape != expected.shape or redeemed.ndim != 1:
        raise ValueError("Redeemed and expected points need one entry per reporting date.")
    if (expected <= 0).any() or (redeemed > expected).any() or (np.diff(redeemed, prepend=0) < 0).any():
        raise ValueError("Redeemed points must grow and stay within the points expected to be redeemed.")
    cumulative = allocated * redeemed / expected
    return RevenueSchedule(cumulative, np.diff(cumulative, prepend=0.0), allocated - cumulative)


@dataclass(frozen=True, slots=True)
class RollForward:
    """Opening balance, signed movements by name, closing balance."""

    opening: float
    movements: Mapping[str, float]
    closing: float


def roll_forward(opening: float, movements: Mapping[str, float]) -> RollForward:
    """Deferred revenue from opening to closing balance; additions positive, recognition negative."""
    return RollForward(opening, dict(movements), opening + sum(movements.values()))
