"""What the data say about changing a referral reward: its amount, its cap, what one more customer costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.stats import norm

from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.referrals import RewardLevel

SMALLEST_LEVEL = 30
"""Invitations a reward level needs before it is held against another."""
REWARDED_UNCAPPED = 0.95
"""A cap is looked for where at most one in twenty rewarded referrers would feel it."""
LEAST_CAPPED = 5
"""Rewards that a cap must have reached before it is worth a proposal."""


@dataclass(frozen=True, slots=True)
class RewardRank:
    """The nth customers that referrers won in a window: how many, and their rewards and gross margin."""

    nth: int
    referrers: int
    reward: float
    margin: float


@dataclass(frozen=True, slots=True)
class CapFinding:
    """At most ``cap`` rewards a referrer: rewards no longer paid, and the margin that may be lost with them.

    ``effect`` runs from all of that margin lost to none.
    """

    cap: int
    rewards: int
    referrers: int
    saved: float
    margin: float
    effect: Estimate


def usable_levels(levels: Sequence[RewardLevel]) -> list[RewardLevel]:
    """Those with enough invitations, the lowest reward of each currency first."""
    return sorted((x for x in levels if x.invites >= SMALLEST_LEVEL), key=lambda x: (x.currency, x.reward))


def side_by_side(levels: Mapping[str, Sequence[RewardLevel]]) -> tuple[str, list[RewardLevel]]:
    """The tier of partners in which most invitations stand beside those of another reward, and its levels.

    Where each tier has a reward of its own, what lies between two rewards is the tiers, and where each
    currency has one, what lies between them is who is paid in it: nothing is side by side then, and no level
    is given.
    """
    both = {
        (tier, currency): found
        for tier, each in levels.items()
        for currency in {level.currency for level in each}
        if len(found := usable_levels([x for x in each if x.currency == currency])) > 1
    }
    if not both:
        return "", []
    key = max(sorted(both), key=lambda name: sum(level.invites for level in both[name]))
    return key[0], both[key]


def margin_difference(low: RewardLevel, high: RewardLevel, *, level: float = 0.95) -> Estimate:
    """Margin after reward an invitation, of the higher reward less the lower; interval by the win rates."""
    value = variance = 0.0
    for sign, each in ((1, high), (-1, low)):
        rate = each.won / each.invites
        worth = (each.gross_margin - each.payout) / each.won if each.won else 0.0
        value += sign * rate * worth
        variance += worth**2 * rate * (1 - rate) / each.invites
    half = float(norm.ppf(0.5 + level / 2)) * math.sqrt(variance)
    return Estimate(
        value, value - half, value + half, level, math.sqrt(variance), unit="currency", method="wald"
    )


def find_cap(ranks: Sequence[RewardRank]) -> CapFinding | Unavailable:
    """The lowest cap that nineteen of twenty rewarded referrers would not feel."""
    rewarded = next((rank.referrers for rank in ranks if rank.nth == 1), 0)
    if not rewarded:
        return Unavailable("No reward was earned in the window, so no cap can be weighed.")
    cap = next(
        (rank.nth for rank in ranks if _after(ranks, rank.nth) <= (1 - REWARDED_UNCAPPED) * rewarded), 1
    )
    beyond = [rank for rank in ranks if rank.nth > cap]
    count = sum(rank.referrers for rank in beyond)
    if count < LEAST_CAPPED:
        most = max(rank.nth for rank in ranks)
        return Unavailable(
            f"No referrer earned more than {most} rewards in the window, {count} beyond a cap of {cap}: "
            "too few to judge a cap by."
        )
    saved, margin = sum(rank.reward for rank in beyond), sum(rank.margin for rank in beyond)
    effect = Estimate(saved, saved - margin, saved, unit="currency", method="all of the margin lost, to none")
    return CapFinding(cap, count, _after(ranks, cap), saved, margin, effect)


def _after(ranks: Sequence[RewardRank], nth: int) -> int:
    """Referrers who won more than ``nth``."""
    return next((rank.referrers for rank in ranks if rank.nth == nth + 1), 0)


def cost_between(low: RewardLevel, high: RewardLevel, *, level: float = 0.95) -> MaybeEstimate:
    """Extra payout for each customer more that the higher reward won."""
    p, q = low.won / low.invites, high.won / high.invites
    if q <= p:
        return Unavailable(f"A reward of {high} won no more of the invited than one of {low}.")
    spend = high.payout / high.invites - low.payout / low.invites
    error = math.sqrt(p * (1 - p) / low.invites + q * (1 - q) / high.invites)
    half = float(norm.ppf(0.5 + level / 2)) * error
    cheapest, dearest = (spend / gap if gap > 0 else math.inf for gap in (q - p + half, q - p - half))
    return Estimate(
        spend / (q - p), cheapest, dearest, level, numerator=spend, denominator=q - p, unit="currency",
        method="wald",
    )  # fmt: skip
