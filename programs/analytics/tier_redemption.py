"""Whether tiers redeem differently, and what follows where points go to other tiers now than before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.stats import chi2

from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.rates import ratio_of_sums

FEWEST_MEMBERS = 30
SURELY = 0.01
"""Tiers differ where chance would make them so unlike less often than this."""


@dataclass(frozen=True, slots=True)
class TierRedemption:
    """``rate``: points redeemed so far of those issued long ago, clustered by member. ``recent``: points
    issued of late."""

    tier: str
    members: int
    issued: float
    rate: Estimate
    recent: float


@dataclass(frozen=True, slots=True)
class TierMix:
    """``factor`` by which the redemption rate of all changes, if points go where they went of late."""

    tiers: tuple[TierRedemption, ...]
    p_value: float
    factor: float

    @property
    def differs(self) -> bool:
        return self.p_value < SURELY

    @property
    def sentence(self) -> str:
        told = ", ".join(f"{each.tier or 'no tier'} {each.rate.value:.0%}" for each in self.tiers)
        return (
            f"tiers redeem differently ({told} of points so far), weighed by the points of the last quarter"
        )


def tier_mix(rows: Sequence[Mapping[str, Any]]) -> TierMix | Unavailable:
    """From the sums of ``tier_redemptions``; tiers with few members are left out."""
    found = []
    for row in rows:
        if row["members"] < FEWEST_MEMBERS or row["issued"] <= 0:
            continue
        rate = ratio_of_sums(
            row["members"], row["redeemed"], row["issued"], row["redeemed_squares"], row["issued_squares"],
            row["products"], unit="share",
        )  # fmt: skip
        if isinstance(rate, Estimate) and rate.standard_error:
            found.append(TierRedemption(row["tier"], row["members"], row["issued"], rate, row["recent"]))
    if len(found) < 2:
        return Unavailable("It takes two tiers with 30 members whose points are old enough.")
    weights = [1 / (each.rate.standard_error or 1.0) ** 2 for each in found]
    common = sum(w * each.rate.value for w, each in zip(weights, found, strict=True)) / sum(weights)
    statistic = sum(w * (each.rate.value - common) ** 2 for w, each in zip(weights, found, strict=True))
    issued, recent = sum(each.issued for each in found), sum(each.recent for each in found)
    before = sum(each.issued * each.rate.value for each in found) / issued
    of_late = sum(each.recent * each.rate.value for each in found) / recent if recent > 0 else before
    factor = of_late / before if before > 0 else 1.0
    return TierMix(tuple(found), float(chi2.sf(statistic, len(found) - 1)), factor)
