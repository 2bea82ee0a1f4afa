"""Redemption, breakage and liability of each tier by its own months of issue, beside those of all members."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from plans.commands.monitor_loyalty.facts import window_of
from plans.commands.monitor_loyalty.steps.points import Balances, Redemptions, read_balances, redemptions_of
from plans.commands.shared.figures import money, with_ends
from plans.commands.shared.point_cost import point_cost
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Column, Table
from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.liability import point_liability

FEWEST_MEMBERS = 30
WORTH_A_CAVEAT = 0.05
"""Of the liability at one rate: how far the tiers' own may lie from it before a reader has to know."""


@dataclass(frozen=True, slots=True)
class TierPoints:
    """Points of the members who are in ``tier`` now; "" are those in none."""

    tier: str
    members: int
    outstanding: float
    found: Redemptions
    owed: MaybeEstimate


@dataclass(frozen=True, slots=True)
class PointsByTier:
    """``owed`` is the sum over tiers with its interval; None where a tier cannot tell."""

    rows: tuple[TierPoints, ...]
    at_one_rate: Estimate
    owed: Estimate | None

    @property
    def apart(self) -> float:
        """Of the liability at one rate, by which the tiers' own is higher."""
        if self.owed is None or self.at_one_rate.value <= 0:
            return 0.0
        return self.owed.value / self.at_one_rate.value - 1

    @property
    def is_beyond_chance(self) -> bool:
        """Whether the liability at one rate lies outside what the tiers' own sum may be."""
        if self.owed is None or self.owed.low is None or self.owed.high is None:
            return False
        return not self.owed.low <= self.at_one_rate.value <= self.owed.high

    def caveat(self, currency: str) -> str:
        if self.owed is None or abs(self.apart) < WORTH_A_CAVEAT or not self.is_beyond_chance:
            return ""
        return (
            f"Tiers redeem differently: by each tier's own rate the liability is {_told(self.owed, currency)}, "
            f"{abs(self.apart):.0%} {'more' if self.apart > 0 else 'less'} than at one rate for all, which is more than "
            "chance explains"
        )


def sum_of_tiers(rows: Sequence[TierPoints]) -> Estimate | None:
    """What all tiers owe; None where one cannot tell.

    Tiers err apart from each other, so the reaches add up as squares; where redemptions name no month of issue, the
    order that is taken for granted is the same in all of them, and the reaches add up as they are.
    """
    told = [row.owed for row in rows if isinstance(row.owed, Estimate)]
    if not told or len(told) < len(rows):
        return None
    value = sum(each.value for each in told)
    below = [each.value - each.low for each in told if each.low is not None]
    above = [each.high - each.value for each in told if each.high is not None]
    if len(below) < len(told) or len(above) < len(told):
        return Estimate(value, unit="money")
    together = any(row.found.caveat for row in rows)
    down, up = (sum(reach) if together else math.hypot(*reach) for reach in (below, above))
    return Estimate(value, value - down, value + up, told[0].level, unit="money", method=told[0].method)


def _told(owed: Estimate, currency: str) -> str:
    if owed.low is None or owed.high is None:
        return money(owed.value, currency)
    return f"{money(owed.value, currency)} ({money(owed.low, currency)} to {money(owed.high, currency)})"


def points_by_tier(
    context: StepContext, balances: Balances | None, owed: MaybeEstimate
) -> PointsByTier | Unavailable:
    """Every tier of the member list with enough members; the others count together with those in none."""
    if balances is None or isinstance(owed, Unavailable):
        return Unavailable("Nothing is owed that could be split over tiers.")
    if not context.data.has("members"):
        return Unavailable("No member list says who is in which tier.")
    listed = context.data.engine.ledger_members(
        context.data.snapshot("point_ledger"), context.data.snapshot("members"), as_of=window_of(context).current.end
    ).to_pylist()  # fmt: skip
    tiers = _large_enough({row["member_id"]: row["tier"] for row in listed})
    names = sorted(set(tiers.values()))
    if len(names) < 2:
        return Unavailable(f"It takes two tiers with {FEWEST_MEMBERS} members who have points.")
    rows = tuple(_of_tier(context, name, tiers) for name in names)
    return PointsByTier(rows, owed, sum_of_tiers(rows))


def _large_enough(tiers: Mapping[str, str]) -> dict[str, str]:
    count: dict[str, int] = {}
    for tier in tiers.values():
        count[tier] = count.get(tier, 0) + 1
    return {member: tier if count[tier] >= FEWEST_MEMBERS else "" for member, tier in tiers.items()}


def _of_tier(context: StepContext, name: str, tiers: Mapping[str, str]) -> TierPoints:
    others = [member for member, tier in tiers.items() if tier != name]
    alone = replace(context, data=context.data.without(members=others))
    balances = read_balances(alone)
    found = redemptions_of(alone, balances)
    outstanding = balances.outstanding[-1] if balances else 0.0
    cost = point_cost(context.data, context.program).mean
    owed: MaybeEstimate = Unavailable(f"Members of {name or 'no tier'} have spent more points than they got.")
    if outstanding >= 0:
        owed = point_liability(outstanding, cost, found.rate)
    return TierPoints(name, len(tiers) - len(others), outstanding, found, owed)


def tier_table(found: PointsByTier, currency: str) -> Table:
    reasons = {row.found.rate.reason for row in found.rows if isinstance(row.found.rate, Unavailable)}
    whole = (
        f"Together {_told(found.owed, currency)}."
        if found.owed is not None
        else f"No sum: {' '.join(sorted(reasons)) or 'a tier has no liability.'}"
    )
    return Table(
        "points_by_tier", "Points by tier",
        [Column("tier", "Tier"), Column("members", "Members with points", "integer"),
         Column("outstanding", "Points outstanding", "number"),
         Column("rate", "Redeemed of outstanding", "percent"), Column("low", "from", "percent"), Column("high", "to", "percent"),
         Column("breakage", "Breakage of issued", "percent"), Column("liability", "Liability", "money", currency),
         Column("liability_low", "from", "money", currency), Column("liability_high", "to", "money", currency)],
        [[row.tier or "none", row.members, row.outstanding, *with_ends(row.found.rate), with_ends(row.found.breakage)[0],
          *with_ends(row.owed)]
         for row in found.rows],
        "Each tier by its own months of issue; members count in the tier in which the list has them now, and tiers with fewer "
        f"than {FEWEST_MEMBERS} members who have points with those in none. {whole} The liability of the page, "
        f"{_told(found.at_one_rate, currency)}, is at one rate for the points of all members.",
    )  # fmt: skip
