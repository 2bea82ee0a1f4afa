"""What the goal of a run makes of the design: figures of the orders, benefits of the catalogue, and its KPI."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gtm.core.percents import percent_text
from plans.commands.plan_loyalty.steps.constraints import is_cash
from plans.commands.shared.goal_measures import goal_measures
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Column, Table
from programs.analytics.goals import GOALS, GoalDesign, GoalFigures
from programs.analytics.lifecycle import Goal
from programs.analytics.rewards import PerkCost
from programs.schemas.goals import GOAL_MEASURES

SURPRISES = {
    "retention": "An unannounced thank-you after a quiet month",
    "expansion": "A sample from a category never bought before",
    "engagement": "Double points on a random day",
    "advocacy": "A gift to pass on to a friend",
}
PERKS = {
    "retention": ("Early access to offers", "Free delivery", "Personal service line"),
    "expansion": ("Bundle discounts", "Early access to new categories", "Personal buying advice"),
    "engagement": ("Members' challenges", "Exclusive content", "Invitations to events"),
    "advocacy": ("Shareable offers", "Badge and early reviews", "Seat on the customer council"),
}
"""Ideas where the program's catalogue holds no benefits of its own."""
OURS = frozenset({*SURPRISES.values(), *(perk for perks in PERKS.values() for perk in perks)})
SERVES = {
    "retention": ("thank", "anniversary", "birthday", "delivery", "service", "renew", "return", "warranty"),
    "expansion": ("bundle", "category", "sample", "upgrade", "advice", "trial", "set"),
    "engagement": ("event", "challenge", "content", "points", "community", "game", "mission", "early"),
    "advocacy": ("friend", "refer", "share", "guest", "review", "gift", "invit", "council"),
}
"""Words by which a benefit of the catalogue is known to serve a goal."""


UNITS = {"share": "%", "money": "money", "number": "number"}


def goal_of(context: StepContext) -> GoalDesign:
    return GOALS[Goal(context.inputs["goal"])]


def perks_of(
    goal: str, rank: int, tiers: int, worth: float, catalogue: Sequence[Mapping[str, Any]], *, no_cash: bool
) -> dict[str, float | None]:
    """Benefit → its own cost per member and year, or None for one of our ideas, which nobody has costed.

    Of the catalogue those of this tier and of those below, the goal's own first, as far as ``worth`` pays for them.
    """
    own = _own(catalogue, "perk", no_cash)
    if not own:
        return dict.fromkeys(PERKS[goal][: rank if tiers > 1 else 1])
    chosen: dict[str, float | None] = {}
    left = worth
    for benefit in sorted(own, key=lambda one: (not _serves(goal, one), one["tier"], one["name"])):
        cost = float(benefit["unit_cost"])
        if benefit["tier"] <= rank and benefit["name"] not in chosen and cost <= left + 1e-9:
            chosen[benefit["name"]] = cost
            left -= cost
    return chosen


def perk_cost_of(
    goal: str, tiers: int, cap: float, catalogue: Sequence[Mapping[str, Any]], *, no_cash: bool
) -> PerkCost:
    """What the benefits of a tier cost a member in a year: those of the catalogue that fit below the cap."""

    def cost(place: int, most: float) -> float:
        chosen = perks_of(goal, place + 1, tiers, min(most, cap), catalogue, no_cash=no_cash)
        return sum(each or 0.0 for each in chosen.values())

    return cost


def surprise_of(goal: str, catalogue: Sequence[Mapping[str, Any]], *, no_cash: bool) -> str:
    """The catalogue's moment of surprise, the goal's own first, or our idea."""
    own = sorted(_own(catalogue, "surprise", no_cash), key=lambda one: (not _serves(goal, one), one["name"]))
    return str(own[0]["name"]) if own else SURPRISES[goal]


def _own(catalogue: Sequence[Mapping[str, Any]], kind: str, no_cash: bool) -> list[Mapping[str, Any]]:
    """What the organisation entered itself; what an earlier blueprint published of our ideas is no catalogue."""
    found = (one for one in catalogue if one["kind"] == kind and one["name"] not in OURS)
    return [one for one in found if not (no_cash and is_cash(f"{one['name']} {one['description']}"))]


def _serves(goal: str, benefit: Mapping[str, Any]) -> bool:
    text = f"{benefit['name']} {benefit['description']}".lower()
    return any(word in text for word in SERVES[goal])


def goal_values(goal: GoalDesign, figures: GoalFigures) -> dict[str, Any]:
    """What later steps read of the goal."""
    measure = GOAL_MEASURES[goal.goal.value]
    measured = goal_measures(figures)
    return {
        "goal": goal.goal.value,
        "optimises": goal.optimises,
        "measure": measure.key,
        "label": measure.label,
        "unit": measure.unit,
        "baseline": measured.get(measure.key),
        "reach": goal.reach,
        "reached_share": goal.reached(figures),
        "why_reach": goal.why_reach,
        "why_tiers": goal.why_tiers,
        "bonus_from": figures.high_order if goal.goal is Goal.EXPANSION else None,
    }


def goal_table(values: Mapping[str, Any], missions: Collection[Any], points: float | None) -> Table:
    bonus = "; ".join(f"{m.name}, {m.completions:,.0f} a year expected" for m in missions)
    paid = f" {points:g} points each." if points and missions else ""
    rows = [
        ["Optimises", values["optimises"], values["label"]],
        [
            "Lift reaches",
            f"{percent_text(values['reached_share'])} of spend: {values['reach']}",
            values["why_reach"],
        ],
        ["Tiers", "thresholds and multipliers", values["why_tiers"]],
        ["Bonus", f"{bonus}.{paid}" if bonus else "none", "Paid for the action the goal is about."],
    ]
    columns = [Column("what", "What"), Column("is", "Is"), Column("why", "Why")]
    return Table("goal", "What the goal moves", columns, rows)


def goal_target(design: Mapping[str, Any], economics: Mapping[str, Any]) -> float | None:
    """The measure when it rises as the model expects: spend rises by the share that the measure reaches."""
    goal = design.get("goal") or {}
    if goal.get("goal") == "advocacy":
        return economics.get("expected_lift")
    if goal.get("baseline") is None or not goal.get("reached_share"):
        return None
    return float(goal["baseline"]) * (1 + float(economics["expected_lift"]) / float(goal["reached_share"]))


def goal_kpis(design: Mapping[str, Any], economics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The KPI of the goal, where it is none of those that every blueprint has."""
    goal = design.get("goal") or {}
    if not goal or goal["measure"] == "repeat_rate":
        return []
    return [
        {"key": goal["measure"], "label": goal["label"], "unit": UNITS[goal["unit"]], "baseline": goal["baseline"],
         "threshold": goal_target(design, economics), "comparator": "≥", "owner": "loyalty-strategist"}
    ]  # fmt: skip
