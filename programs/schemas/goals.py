"""How the success of each goal of a loyalty program is measured: key, label and unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GoalMeasure:
    """``unit`` is share, money or number."""

    key: str
    label: str
    unit: str


GOAL_MEASURES: Mapping[str, GoalMeasure] = {
    "retention": GoalMeasure("repeat_rate", "Repeat rate, 90 days", "share"),
    "expansion": GoalMeasure("average_order_value", "Average order value, last 365 days", "money"),
    "engagement": GoalMeasure("orders_a_year", "Purchases a year of each member who buys", "number"),
    "advocacy": GoalMeasure("referred_members", "New members by referral, per member and year", "number"),
}
