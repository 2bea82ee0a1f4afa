"""Lifecycle triggers as data: what happens, when it counts, who does what about it.

A rule fires on a day: ``delay_days`` after its anchor event (before it, when negative), unless the
cancelling event came in between. That one form can be counted on history, in arrays here or in SQL,
so that each row of the matrix says how often it would have fired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from programs.analytics.estimate import Unavailable

FloatArray = NDArray[np.float64]


class MemberStage(StrEnum):
    """Where the member stands."""

    ONBOARDING = "onboarding"
    ADOPTION = "adoption"
    UPSELL = "upsell"
    RENEWAL = "renewal"


class Goal(StrEnum):
    """What the programme is for."""

    RETENTION = "retention"
    EXPANSION = "expansion"
    ENGAGEMENT = "engagement"
    ADVOCACY = "advocacy"


@dataclass(frozen=True, slots=True)
class EntryRule:
    """Fires ``delay_days`` after ``anchor`` unless ``cancelled_by`` happened from then until the firing."""

    anchor: str
    delay_days: int = 0
    cancelled_by: str | None = None

    @property
    def events(self) -> tuple[str, ...]:
        """Events the data must hold for the rule to be counted."""
        return (self.anchor,) if self.cancelled_by is None else (self.anchor, self.cancelled_by)

    def sentence(self) -> str:
        """The rule for a reader."""
        anchor = EVENTS[self.anchor]
        if self.delay_days == 0:
            when = f"on the day of the {anchor}"
        elif self.delay_days > 0:
            when = f"{self.delay_days} {'day' if self.delay_days == 1 else 'days'} after the {anchor}"
        else:
            when = f"{-self.delay_days} days before the {anchor}"
        return when if self.cancelled_by is None else f"{when}, without a {EVENTS[self.cancelled_by]} since"


# Each event has at most one day per member and spell; readers of the data provide these columns.
EVENTS: Mapping[str, str] = {
    "enrolment": "enrolment",
    "first_purchase": "first purchase",
    "second_purchase": "second purchase",
    "fourth_purchase": "fourth purchase",
    "first_redemption": "first redemption",
    "purchase": "purchase",
    "next_purchase": "next purchase",
    "small_order": "order below the bonus",
    "near_next_tier": "day spend came within 20 % of the next tier",
    "next_tier_reached": "day the next tier was reached",
    "tier_period_end": "end of the tier period",
    "points_expiry": "expiry of points",
    "promoter_answer": "survey answer of 9 or 10",
    "detractor_answer": "survey answer of 6 or less",
    "referral": "referral",
}


@dataclass(frozen=True, slots=True)
class TriggerRow:
    """One row of the matrix: event → loyalty action → channel → owner."""

    key: str
    stage: MemberStage
    rule: EntryRule
    action: str
    channel: str
    owner: str
    goals: tuple[Goal, ...]
    """The goals it serves first; every goal keeps every stage covered."""
    action_elsewhere: str = ""
    """The action where it cannot go by ``channel``, if the words of ``action`` name it."""


_ALL = tuple(Goal)

TRIGGERS: tuple[TriggerRow, ...] = (
    TriggerRow(
        "welcome",
        MemberStage.ONBOARDING,
        EntryRule("enrolment"),
        "Explain how points are earned and show the first reward within reach",
        "email",
        "Lifecycle marketing",
        _ALL,
    ),
    TriggerRow(
        "first-purchase-missing",
        MemberStage.ONBOARDING,
        EntryRule("enrolment", 14, "first_purchase"),
        "Offer double points on the first purchase",
        "email",
        "Lifecycle marketing",
        (Goal.RETENTION, Goal.ENGAGEMENT),
    ),
    TriggerRow(
        "second-purchase-missing",
        MemberStage.ONBOARDING,
        EntryRule("first_purchase", 30, "second_purchase"),
        "Offer a bonus for a second purchase within two weeks",
        "email",
        "Lifecycle marketing",
        (Goal.RETENTION, Goal.ENGAGEMENT),
    ),
    TriggerRow(
        "habit-formed",
        MemberStage.ADOPTION,
        EntryRule("fourth_purchase"),
        "Surprise with an unannounced thank-you reward",
        "in-app",
        "Customer success",
        (Goal.ENGAGEMENT, Goal.ADVOCACY),
    ),
    TriggerRow(
        "points-unused",
        MemberStage.ADOPTION,
        EntryRule("second_purchase", 60, "first_redemption"),
        "Show what the balance already pays for and guide to the first redemption",
        "in-app",
        "Loyalty operations",
        (Goal.RETENTION, Goal.ENGAGEMENT),
    ),
    TriggerRow(
        "near-next-tier",
        MemberStage.UPSELL,
        EntryRule("near_next_tier", 7, "next_tier_reached"),
        "Show the gap to the next tier and what it brings",
        "push",
        "Loyalty operations",
        (Goal.EXPANSION, Goal.ENGAGEMENT),
    ),
    TriggerRow(
        "tier-reached",
        MemberStage.UPSELL,
        EntryRule("next_tier_reached"),
        "Congratulate, hand over the benefits, introduce a higher category",
        "email",
        "Account management",
        (Goal.EXPANSION, Goal.RETENTION),
    ),
    TriggerRow(
        "ask-for-referral",
        MemberStage.UPSELL,
        EntryRule("promoter_answer", 2, "referral"),
        "Invite to refer, with a reward for both sides",
        "email",
        "Advocacy",
        (Goal.ADVOCACY,),
    ),
    TriggerRow(
        "detractor-recovery",
        MemberStage.RENEWAL,
        EntryRule("detractor_answer", 1),
        "Call, solve the issue, add a goodwill reward",
        "phone",
        "Customer success",
        (Goal.RETENTION, Goal.ADVOCACY),
        "Answer in person, solve the issue, add a goodwill reward",
    ),
    TriggerRow(
        "lapsing",
        MemberStage.RENEWAL,
        EntryRule("purchase", 90, "next_purchase"),
        "Win back with a time-limited bonus on the usual category",
        "email",
        "Lifecycle marketing",
        (Goal.RETENTION,),
    ),
    TriggerRow(
        "tier-renewal",
        MemberStage.RENEWAL,
        EntryRule("tier_period_end", -60),
        "Say what is missing to keep the tier",
        "email",
        "Account management",
        (Goal.RETENTION, Goal.EXPANSION),
    ),
    TriggerRow(
        "points-expiring",
        MemberStage.RENEWAL,
        EntryRule("points_expiry", -30),
        "Remind of the points about to expire and what they pay for",
        "email",
        "Loyalty operations",
        (Goal.RETENTION, Goal.ENGAGEMENT),
    ),
)


def triggers_for(goal: Goal, more: tuple[TriggerRow, ...] = ()) -> tuple[TriggerRow, ...]:
    """All triggers and ``more`` of the goal by stage, those that serve ``goal`` first within each stage."""
    stages = list(MemberStage)
    return tuple(sorted((*more, *TRIGGERS), key=lambda row: (stages.index(row.stage), goal not in row.goals)))


def count_fired(
    rule: EntryRule, days: Mapping[str, ArrayLike], window_start: float, window_end: float
) -> int | Unavailable:
    """How often ``rule`` would have fired in [``window_start``, ``window_end``).

    ``days`` maps event names to one day number per member or spell, NaN where it did not happen.
    A cancelling event counts from the anchor's day on, up to and including the day of firing.
    """
    missing = [EVENTS[event] for event in rule.events if event not in days]
    if missing:
        return Unavailable(f"The data hold no {' and no '.join(missing)}.")
    anchor = np.asarray(days[rule.anchor], dtype=float)
    fires = anchor + rule.delay_days
    counted = (fires >= window_start) & (fires < window_end)
    if rule.cancelled_by is not None:
        cancelled = np.asarray(days[rule.cancelled_by], dtype=float)
        counted &= ~((cancelled >= anchor) & (cancelled <= fires))
    return int(counted.sum())
