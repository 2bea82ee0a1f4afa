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


@dataclass(frozen=True, slots=True)
class DeferralPeriod:
    """A reporting period of the contract liability for points, in money; recognition is positive here.

    ``redeemed`` is what the points redeemed in the period were deferred at, ``breakage`` what is recognised
    with them for points that will never be (IFRS 15.B46).
    """

    opening: float
    deferred: float
    redeemed: float
    breakage: float
    closing: float

    @property
    def recognised(self) -> float:
        return self.redeemed + self.breakage


def roll_forward_issues(
    deferred_by_month: ArrayLike,
    pattern: ArrayLike,
    redemption_rate: float,
    *,
    months_per_period: int = 3,
) -> tuple[DeferralPeriod, ...]:
    """The liability of points issued month by month, period by period, from nothing.

    ``deferred_by_month`` (months,) money deferred for the points of each month; ``pattern`` (ages,) share of
    the
    redemptions made by the end of each age in months, rising to 1 (later ages stay there). Revenue follows
    the
    pattern, so a period's part is deferred × (share now − share before), of which ``redemption_rate`` is for
    points redeemed and the rest breakage. Raises ValueError on a pattern that is none.
    """
    deferred, share = np.asarray(deferred_by_month, dtype=float), np.asarray(pattern, dtype=float)
    if (
        share.ndim != 1
        or not share.size
        or (np.diff(share, prepend=0) < -1e-12).any()
        or share[-1] > 1 + 1e-9
    ):
        raise ValueError("A pattern of redemption rises from 0 to 1.")
    if not 0 <= redemption_rate <= 1 or deferred.size % months_per_period:
        raise ValueError("The redemption rate is a share, and the months fill whole periods.")
    steps = np.zeros(deferred.size)
    known = np.diff(share, prepend=0.0)[: deferred.size]
    steps[: known.size] = known
    recognised = np.array(
        [deferred[: month + 1] @ steps[: month + 1][::-1] for month in range(deferred.size)]
    )
    found: list[DeferralPeriod] = []
    opening = 0.0
    for begin in range(0, deferred.size, months_per_period):
        inside = slice(begin, begin + months_per_period)
        new, out = float(deferred[inside].sum()), float(recognised[inside].sum())
        redeemed = out * redemption_rate
        moved = roll_forward(opening, {"deferred": new, "redeemed": -redeemed, "breakage": -(out - redeemed)})
        found.append(DeferralPeriod(opening, new, redeemed, out - redeemed, moved.closing))
        opening = moved.closing
    return tuple(found)


def catch_up(allocated: float, redeemed: float, expected_before: float, expected_after: float) -> float:
    """Revenue that a new estimate of redemptions moves into, or out of (negative), the period it is made in.

    Cumulative, as IFRS 15 has it: allocated × redeemed × (1/after − 1/before).
    """
    schedule = recognise_points(allocated, [redeemed, redeemed], [expected_before, expected_after])
    return float(schedule.revenue[1])
