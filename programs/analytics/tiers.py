"""Tiers from the distribution of spend: thresholds, who is in, who is near, who keeps the status."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

TIER_NAMES = ("Member", "Silver", "Gold", "Platinum", "Diamond", "Ambassador")


class DowngradePolicy(StrEnum):
    """What happens to a member who no longer earns the tier held."""

    NONE = "none"
    ONE_DOWN = "one-down"
    BALANCE_BASED = "balance-based"


class QualificationPeriod(StrEnum):
    """When a tier is reviewed: once a year on the enrolment anniversary, or every month."""

    ANNIVERSARY = "anniversary"
    ROLLING = "rolling"


DAYS_A_YEAR = 365
FEWEST_COMPLETE, FEWEST_IN_A_BAND, BAND_DAYS = 100, 30, 30


def spend_curve(spend_by_age: ArrayLike, observed_days: ArrayLike, *, fewest: int = 20) -> FloatArray:
    """Expected spend of a member by the end of each day since the first purchase, (365,) money, cumulative.

    ``spend_by_age`` (days,) what all members spent on the nth day; ``observed_days`` (members,) days passed,
    at
    most 365. Each day is averaged over those who have lived through it, so young members do not read as poor
    ones. Days that fewer than ``fewest`` have seen (or nobody, of fewer members) go on at the pace of the
    later half of what was seen.
    """
    spend, observed = np.asarray(spend_by_age, dtype=float), np.asarray(observed_days, dtype=int)
    if not observed.size or observed.max() < 1:
        raise ValueError("A spend curve needs members that were seen for a day.")
    daily = np.zeros(DAYS_A_YEAR)
    daily[: min(spend.size, DAYS_A_YEAR)] = spend[:DAYS_A_YEAR]
    counts = np.bincount(np.minimum(observed, DAYS_A_YEAR), minlength=DAYS_A_YEAR + 1)
    exposed = counts[::-1].cumsum()[::-1][1:]
    known = int((exposed >= min(fewest, observed.size, int(exposed[0]))).sum())
    curve = np.cumsum(daily[:known] / exposed[:known])
    if known < DAYS_A_YEAR:
        since = known // 2
        pace = (curve[-1] - curve[since - 1]) / (known - since) if since else curve[-1]
        curve = np.concatenate([curve, curve[-1] + pace * np.arange(1, DAYS_A_YEAR - known + 1)])
    return np.asarray(curve)


def project_annual_spend(spend: ArrayLike, observed_days: ArrayLike, curve: ArrayLike) -> FloatArray:
    """Spend to date brought to 365 days since each member's own first purchase.

    ``spend`` (members,) money in the ``observed_days`` seen, at most 365 of each; ``curve`` (365,) as of
    ``spend_curve``. A member's spend grows as the curve does from that age on. Totals are unbiased; single
    projections of young members spread more than whole years do, so where enough whole years are seen each
    age's projections are drawn towards their mean until they spread alike, never below what was spent.
    """
    amount, days = np.asarray(spend, dtype=float), np.asarray(observed_days, dtype=int)
    path = np.asarray(curve, dtype=float)
    if path.shape != (DAYS_A_YEAR,) or not np.isfinite(path).all() or path[0] <= 0:
        raise ValueError("The spend curve needs 365 days and spend on the first.")
    if (days < 1).any():
        raise ValueError("A projection needs at least one day.")
    age = np.minimum(days, DAYS_A_YEAR)
    projected = amount * path[-1] / path[age - 1]
    whole = projected[age == DAYS_A_YEAR]
    if whole.size < FEWEST_COMPLETE or whole.mean() <= 0:
        return np.asarray(projected)
    spread = whole.std() / whole.mean()
    for band in range(0, DAYS_A_YEAR, BAND_DAYS):
        inside = (age >= band) & (age < min(band + BAND_DAYS, DAYS_A_YEAR))
        part = projected[inside]
        if part.size < FEWEST_IN_A_BAND or part.std() <= spread * part.mean():
            continue
        drawn = part.mean() * (1 - (ratio := spread * part.mean() / part.std())) + ratio * part
        projected[inside] = np.maximum(drawn, amount[inside])
    return np.asarray(projected)


def upper_shares(tiers: int) -> tuple[float, ...]:
    """Share of members meant to reach each tier above the first: 20 %, then a quarter of that each.

    The top fifth usually holds about two thirds of the spend; each tier should feel four times rarer.
    A stated design choice; pass other shares to ``spend_thresholds``.
    """
    if not 1 <= tiers <= len(TIER_NAMES):
        raise ValueError(f"Between 1 and {len(TIER_NAMES)} tiers.")
    return tuple(0.2 * 0.25**step for step in range(tiers - 1))


def spend_thresholds(
    annual_spend: ArrayLike, shares: Sequence[float], *, digits: int | None = None
) -> tuple[float, ...]:
    """Thresholds (first is 0) at the 1 − share quantiles of projected twelve-month spend.

    ``digits`` rounds to significant digits, as a threshold that members are told should be.
    Raises ValueError when thresholds coincide: then the data do not carry that many tiers.
    """
    spend = np.asarray(annual_spend, dtype=float)
    if spend.size == 0 or not np.isfinite(spend).all() or (spend < 0).any():
        raise ValueError("Thresholds need the spend of at least one member, none negative or missing.")
    quantiles = np.quantile(spend, [1 - share for share in shares]) if shares else np.empty(0)
    thresholds = [0.0, *(float(value) for value in quantiles)]
    if digits is not None:
        thresholds = [_round_significant(value, digits) for value in thresholds]
    if any(after <= before for before, after in zip(thresholds, thresholds[1:], strict=False)):
        raise ValueError(f"Spend does not separate {len(thresholds)} tiers; use fewer.")
    return tuple(thresholds)


def _round_significant(value: float, digits: int) -> float:
    return 0.0 if value == 0 else round(value, digits - 1 - math.floor(math.log10(abs(value))))


def assign_tiers(annual_spend: ArrayLike, thresholds: Sequence[float]) -> IntArray:
    """Index of the highest tier whose threshold is met; 0 is the entry tier."""
    index = np.searchsorted(np.asarray(thresholds), np.asarray(annual_spend, dtype=float), side="right") - 1
    return np.asarray(np.maximum(index, 0), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class TierProfile:
    """One tier on the data. Money is per year; shares are of all members and of all spend."""

    name: str
    threshold: float
    members: int
    share_of_members: float
    spend: float
    share_of_spend: float
    within_reach_of_next: int
    spend_to_next: float
    """What those within reach would have to add in all to get there."""


def profile_tiers(
    annual_spend: ArrayLike, thresholds: Sequence[float], *, reach: float = 0.2
) -> tuple[TierProfile, ...]:
    """Size, weight and goal gradient of each tier.

    A member is within reach when at most ``reach`` of the next threshold is missing: effort rises
    with closeness to the goal (Kivetz, Urminsky & Zheng 2006).
    """
    spend = np.asarray(annual_spend, dtype=float)
    tier = assign_tiers(spend, thresholds)
    total = float(spend.sum())
    profiles = []
    for index, threshold in enumerate(thresholds):
        inside = spend[tier == index]
        following = thresholds[index + 1] if index + 1 < len(thresholds) else math.inf
        near = inside[inside >= (1 - reach) * following]
        profiles.append(
            TierProfile(
                name=TIER_NAMES[index],
                threshold=threshold,
                members=int(inside.size),
                share_of_members=inside.size / spend.size,
                spend=float(inside.sum()),
                share_of_spend=float(inside.sum()) / total if total else 0.0,
                within_reach_of_next=int(near.size),
                spend_to_next=float((following - near).sum()) if near.size else 0.0,
            )
        )
    return tuple(profiles)


@dataclass(frozen=True, slots=True, eq=False)
class TierPath:
    """Tier of each member at the end of each month from the twelfth on, and moves after the twelfth."""

    tier: IntArray
    upgrades: int
    downgrades: int

    def members_at_end(self, tiers: int) -> tuple[int, ...]:
        """Members per tier in the last month."""
        return tuple(int(count) for count in np.bincount(self.tier[:, -1], minlength=tiers))


def follow_tiers(
    monthly_spend: ArrayLike,
    thresholds: Sequence[float],
    policy: DowngradePolicy,
    period: QualificationPeriod,
) -> TierPath:
    """Play a downgrade policy on past spend, so that policies can be compared on the same members.

    ``monthly_spend`` (members, months ≥ 13), month 1 the month of enrolment. Upgrades are immediate.
    Downgrades happen at reviews (each month, or every twelfth): never, one tier at a time, or to what
    the balance pays for. The balance gains what is spent; at an anniversary it pays the threshold of the
    tier held, under rolling a twelfth of it every month, so surplus carries over.
    """
    spend = np.asarray(monthly_spend, dtype=float)
    if spend.ndim != 2 or spend.shape[1] < 13:
        raise ValueError("Policies differ only after the first year: thirteen months are needed.")
    levels = np.asarray(thresholds, dtype=float)
    running = np.cumsum(spend, axis=1)
    trailing = running.copy()
    trailing[:, 12:] -= running[:, :-12]

    rolling = period is QualificationPeriod.ROLLING
    held = assign_tiers(trailing[:, 11], thresholds)
    balance = trailing[:, 11].copy()
    path = [held]
    for month in range(12, spend.shape[1]):
        anniversary = month % 12 == 0
        if policy is DowngradePolicy.BALANCE_BASED:
            if rolling:
                balance = balance - levels[held] / 12
            elif anniversary:
                # The year just ended is paid; what was reached in it is kept for the year to come.
                balance = balance - levels[held]
            balance = np.maximum(balance, 0.0) + spend[:, month]
            earned = assign_tiers(np.maximum(balance, 0.0), thresholds)
            review = rolling or month % 12 == 11
            floor = earned
        else:
            earned = assign_tiers(trailing[:, month], thresholds)
            review = (rolling or month % 12 == 11) and policy is DowngradePolicy.ONE_DOWN
            floor = held - 1
        kept = floor if review else held
        held = np.maximum(earned, kept)
        path.append(held)
    tiers = np.stack(path, axis=1)
    moves = np.diff(tiers, axis=1)
    return TierPath(tiers, int((moves > 0).sum()), int((moves < 0).sum()))


def compare_policies(
    monthly_spend: ArrayLike, thresholds: Sequence[float]
) -> dict[tuple[DowngradePolicy, QualificationPeriod], TierPath]:
    """Every downgrade policy under every qualification period, on the same members."""
    return {
        (policy, period): follow_tiers(monthly_spend, thresholds, policy, period)
        for policy in DowngradePolicy
        for period in QualificationPeriod
    }


def points_by_policy(
    monthly_spend: ArrayLike, thresholds: Sequence[float], multipliers: ArrayLike
) -> dict[tuple[DowngradePolicy, QualificationPeriod], float]:
    """Points that each policy would have issued from the thirteenth month on, per unit of the base earn rate.

    A month earns at the multiplier of the tier held when it began.
    """
    spend, factors = np.asarray(monthly_spend, dtype=float), np.asarray(multipliers, dtype=float)
    return {
        key: float((spend[:, 12:] * factors[path.tier[:, :-1]]).sum())
        for key, path in compare_policies(spend, thresholds).items()
    }
