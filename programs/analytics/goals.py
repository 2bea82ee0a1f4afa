"""What a goal optimises, and what follows from it: which spend a lift reaches, tiers, bonus, and its measure.

Spend of a year = members × chance to buy again × orders × value of an order, and newcomers beside. A goal
moves one factor. How much of all spend that factor reaches is measured on the orders; the rest are stated
design choices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from programs.analytics.assumptions import STATED, Assumption
from programs.analytics.lifecycle import EntryRule, Goal, MemberStage, TriggerRow
from programs.analytics.rewards import Mission, PoolSplit, RewardBasis
from programs.analytics.tiers import upper_shares

BONUS_SHARE = 0.15
"""Of the pool, taken from points, for the one action that the goal is about."""
REFERRED = Assumption(
    "referred", 0.01, 0.03, 0.08, "new members by referral, for each member and year", STATED
)


@dataclass(frozen=True, slots=True)
class GoalFigures:
    """What the orders say, see ``goal_figures.sql``; money in the program's currency."""

    members: int
    orders: int
    spend: float
    after_first: float
    of_returning: float
    high_order: float
    high_orders: int
    days_between: float | None
    days: int
    recent_orders: int
    recent_spend: float
    recent_members: int

    @property
    def years(self) -> float:
        return max(self.days / 365, 1 / 12)

    @property
    def average_order_value(self) -> float | None:
        """Of the last 365 days."""
        return self.recent_spend / self.recent_orders if self.recent_orders else None

    @property
    def orders_a_year(self) -> float | None:
        """Orders a year of each member who bought in the last 365 days."""
        span = min(self.days, 365) or 1
        return self.recent_orders / self.recent_members * 365 / span if self.recent_members else None

    def share(self, part: float) -> float:
        return min(max(part / self.spend, 0.0), 1.0) if self.spend > 0 else 0.0


@dataclass(frozen=True, slots=True)
class GoalDesign:
    """``optimises`` is the factor of spend, ``reach`` which spend a rise of it moves.

    ``first_share`` of members are meant to reach the second tier, and each further tier is ``rarer`` times as
    full; a tier earns ``multiplier_step`` more than the one below.
    """

    goal: Goal
    optimises: str
    reach: str
    why_reach: str
    first_share: float
    rarer: float
    multiplier_step: float
    why_tiers: str
    bonus_share: float = 0.0

    def upper_shares(self, tiers: int) -> tuple[float, ...]:
        """Share of members meant to reach each tier above the first."""
        count = len(upper_shares(tiers))
        return tuple(self.first_share * self.rarer**step for step in range(count))

    def reached(self, figures: GoalFigures) -> float:
        """Share of all spend that a rise of the factor moves."""
        parts = {"after first orders": figures.after_first, "members who came back": figures.of_returning}
        return figures.share(parts[self.reach]) if self.reach in parts else 1.0

    def split(self, split: PoolSplit, kind: RewardBasis) -> PoolSplit:
        """The pool with a part of its points for the bonus; a program of missions is nothing else already."""
        if kind is RewardBasis.MISSIONS or not self.bonus_share:
            return split
        return replace(
            split, points=split.points - self.bonus_share, missions=split.missions + self.bonus_share
        )

    def lift(self, lift: Assumption, figures: GoalFigures) -> Assumption:
        """The rise in spend when the factor rises as much as ``lift`` says of all spend."""
        if self.goal is Goal.ADVOCACY:
            low, mode, high = REFERRED.low, REFERRED.mode, REFERRED.high
            return replace(lift, low=low, mode=mode, high=high, unit=REFERRED.unit, source=(
                f"{STATED}: a referred member spends in the first year what members do"))  # fmt: skip
        share = self.reached(figures)
        if share == 1.0:
            return lift
        source = f"{lift.source} × {share:.3f}, the share of spend {self.reach}"
        return replace(
            lift, low=lift.low * share, mode=lift.mode * share, high=lift.high * share, source=source
        )

    def missions(self, figures: GoalFigures, second: int, fourth: int) -> list[Mission]:
        """What the bonus is for, with the completions a year that the data lead to expect."""
        if self.goal is Goal.EXPANSION:
            return [
                Mission(f"Order of {figures.high_order:,.0f} or more", figures.high_orders / figures.years)
            ]
        if self.goal is Goal.ADVOCACY:
            return [Mission("First purchase of a friend", figures.members * REFERRED.mode)]
        return [
            Mission("Second purchase", second / figures.years),
            Mission("Fourth purchase", fourth / figures.years),
        ]

    def triggers(self, figures: GoalFigures) -> tuple[TriggerRow, ...]:
        """Triggers of this goal alone, by figures of the data."""
        if self.goal is Goal.EXPANSION:
            return (
                TriggerRow(
                    "basket-below-bonus", MemberStage.UPSELL, EntryRule("small_order", 1),
                    f"Show what would have brought the order to {figures.high_order:,.0f}, and its bonus",
                    "email", "Account management", (Goal.EXPANSION,),
                ),
            )  # fmt: skip
        if self.goal is Goal.ENGAGEMENT and figures.days_between:
            return (
                TriggerRow(
                    "usual-gap-passed", MemberStage.ADOPTION,
                    EntryRule("purchase", max(round(figures.days_between), 1), "next_purchase"),
                    "Offer a mission of two weeks: half of all next orders have come by this day",
                    "push", "Loyalty operations", (Goal.ENGAGEMENT,),
                ),
            )  # fmt: skip
        if self.goal is Goal.ADVOCACY:
            return (
                TriggerRow(
                    "frequent-buyer-invites", MemberStage.UPSELL, EntryRule("fourth_purchase", 1),
                    "Invite to bring a friend: points for both with the friend's first purchase",
                    "email", "Advocacy", (Goal.ADVOCACY,),
                ),
            )  # fmt: skip
        return ()


GOALS: Mapping[Goal, GoalDesign] = {
    design.goal: design
    for design in (
        GoalDesign(
            Goal.RETENTION, "repeat", "all",
            "Who stays buys all of a year again, who leaves buys none of it: the lift reaches all spend.",
            0.20, 0.25, 0.25,
            "A fifth of members reach the second tier, which holds most of the spend there is to keep.",
        ),
        GoalDesign(
            Goal.EXPANSION, "basket", "members who came back",
            "A bigger basket needs a next order: the lift reaches the spend of members who come back.",
            0.15, 0.25, 0.40,
            "Tiers are rarer and pay more for each step, so that the next one is worth a bigger basket.",
            BONUS_SHARE,
        ),
        GoalDesign(
            Goal.ENGAGEMENT, "frequency", "after first orders",
            "Buying more often adds orders after the first: the lift reaches the spend after first orders.",
            0.30, 0.40, 0.15,
            "Tiers are near, so that small frequent purchases reach them: effort rises with closeness.",
            BONUS_SHARE,
        ),
        GoalDesign(
            Goal.ADVOCACY, "referrals", "all",
            "A referral brings a new member, whose spend comes beside that of all members.",
            0.20, 0.25, 0.10,
            "Tiers pay little more for spend, since the bonus is for bringing friends.",
            BONUS_SHARE,
        ),
    )
}  # fmt: skip
