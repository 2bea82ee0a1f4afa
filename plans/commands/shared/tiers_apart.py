"""Whether the tiers of the member list redeem unlike, and whether a figure is then the sum of what each says by itself:
one rule for every command."""

from __future__ import annotations

from datetime import datetime

from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.tier_redemption import TierMix, tier_mix
from programs.datasets import OpenData

MATURE_DAYS, RECENT_DAYS = 180, 90
"""Points whose redemption can be compared, and those that say who gets points now."""


def mix_of_tiers(data: OpenData, *, as_of: datetime | None = None) -> TierMix | Unavailable:
    """How the tiers of the member list redeem, by the ledger up to ``as_of``."""
    if not (data.has("members") and data.has("point_ledger")):
        return Unavailable("It takes a member list with tiers and a point ledger.")
    return tier_mix(
        data.engine.tier_redemptions(
            data.snapshot("point_ledger"), data.snapshot("members"), as_of=as_of or data.as_of("point_ledger"),
            mature=MATURE_DAYS, recent=RECENT_DAYS,
        ).to_pylist()
    )  # fmt: skip


def redeem_unlike(
    mix: TierMix | Unavailable, at_one_rate: Estimate | None = None, of_tiers: Estimate | None = None
) -> bool:
    """Whether tiers count each by its own rate: their old points were redeemed unlike beyond chance, or, where those
    do not tell it, a figure at one rate lies outside the interval of the sum of the tiers' own."""
    if isinstance(mix, TierMix) and mix.differs:
        return True
    if at_one_rate is None or of_tiers is None or of_tiers.low is None or of_tiers.high is None:
        return False
    return not of_tiers.low <= at_one_rate.value <= of_tiers.high
