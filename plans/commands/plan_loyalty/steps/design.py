"""Step 2, tier and benefit design: thresholds from spend, earn rules from the reward budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gtm.core.money import Money, minor_units
from gtm.core.percents import percent_text
from plans.commands.plan_loyalty.steps.base import spend_values
from plans.commands.plan_loyalty.steps.choices import where_a_test_tells
from plans.commands.plan_loyalty.steps.constraints import ExpiryPolicy, eligible_members, expiry_of, stated
from plans.commands.plan_loyalty.steps.goals import goal_table, goal_values, perks_of, surprise_of
from plans.commands.plan_loyalty.steps.personas import (
    persona_table,
    persona_values,
    personas_of,
    projected_members,
)
from plans.commands.plan_loyalty.steps.planned import PlannedProgram, plan_program
from plans.commands.shared.figures import as_shown, chance, figure, money, value_of
from plans.engine.running.steps import StepContext
from plans.schemas.constraints import NO_CASH, of_kind
from plans.schemas.outputs import Chart, Column, Figure, Metrics, Series, StepResult, Table
from programs.analytics.assumptions import LoyaltyAssumptions
from programs.analytics.chances import CHANCE
from programs.analytics.rewards import RewardDesign

IDEAS = (
    " Benefits are ideas that nobody has costed, so they count as nothing: enter yours, with their cost per member and "
    "year, as benefits of the program's tiers."
)


def design_tiers(context: StepContext) -> StepResult:
    goal, currency = context.inputs["goal"], context.program["currency"]
    context.progress(10, "Revenue base and twelve-month spend")
    planned = where_a_test_tells(plan_program(context))
    design, spend, how = planned.design, planned.spend, planned.how
    overrun = planned.model.overrun(design.value_rate, planned.budget, planned.choice.inputs)
    context.progress(90, "Blueprint")
    catalogue = context.program.get("benefits") or ()
    cash = bool(of_kind(stated(context), NO_CASH))
    rows = [
        _tier(
            n,
            reward,
            perks_of(goal, n + 1, len(design.tiers), reward.benefit_per_member, catalogue, no_cash=cash),
        )
        for n, reward in enumerate(design.tiers)
    ]
    surprise = surprise_of(goal, catalogue, no_cash=cash)
    expiry = expiry_of(context, eligible_members(context))
    moves = goal_values(planned.goal, planned.figures)
    mission_points = value_of(design.points_per_mission)
    members = personas_of(context, planned.data)
    personas = (
        persona_values(members, projected_members(planned.data, spend.size), spend, design) if members else []
    )
    return StepResult(
        values={
            "kind": design.structure.kind.value,
            "tiers": rows,
            "annual_budget": planned.budget,
            "annual_pool": design.pool,
            "unspent": planned.budget - design.pool,
            "value_rate": design.value_rate,
            "chosen_value_rate": planned.choice.value_rate,
            "recommendation": planned.recommendation.value,
            "why": planned.why,
            "base_points_per_unit": design.base_points_per_unit,
            "overrun_probability": overrun,
            "twelve_month_spend": spend_values(spend),
            "revenue_base": dict(planned.base),
            "goal": moves,
            "missions": [{"name": m.name, "completions": m.completions} for m in planned.missions],
            "points_per_mission": mission_points,
            **({"personas": personas} if personas else {}),
            "benefits_are_ideas": any(row["perks"] and not row["perk_costs"] for row in rows),
            "surprise": {"moment": surprise, "pool": design.surprise_pool},
            "expiry": expiry.as_values(),
            "downgrade_policy": "one-down",
            "qualification_period": "rolling twelve months",
            "how_spend_was_projected": how,
            "headline": [
                {
                    "label": "Tiers",
                    "value": " / ".join(f"{r['name']} from {r['threshold']:,.0f}" for r in rows),
                },
                {"label": "Reward pool a year", "value": money(design.pool, currency)},
                {
                    "label": "Chance that the budget is overrun",
                    "value": chance(overrun),
                },
            ],
        },
        outputs=[
            _blueprint(rows, design, currency, how),
            _earning(planned, overrun, currency),
            _distribution(spend, [r["threshold"] for r in rows[1:]], currency),
            _assumption_table(planned.assumptions),
            _terms(expiry),
            goal_table(moves, planned.missions, mission_points),
            *([persona_table(personas, currency)] if personas else []),
        ],
    )


def _tier(rank: int, reward: Any, perks: Mapping[str, float | None]) -> dict[str, Any]:
    profile = reward.profile
    return {
        "rank": rank + 1,
        "name": profile.name,
        "threshold": profile.threshold,
        "members": profile.members,
        "share_of_members": profile.share_of_members,
        "spend": reward.spend,
        "share_of_spend": profile.share_of_spend,
        "within_reach_of_next": profile.within_reach_of_next,
        "spend_to_next": profile.spend_to_next,
        "multiplier": reward.multiplier,
        "points_per_unit": reward.points_per_unit,
        "reward_cost": reward.points_cost + reward.benefit_cost,
        "benefit_per_member": reward.benefit_per_member,
        "perks": list(perks),
        "perk_costs": {name: cost for name, cost in perks.items() if cost is not None},
    }


def _blueprint(rows: list[dict[str, Any]], design: RewardDesign, currency: str, how: str) -> Table:
    return Table(
        "blueprint",
        "Program blueprint",
        [
            Column("name", "Tier"),
            Column("threshold", "Qualifying spend", "money", currency, "Spend of twelve months"),
            Column("members", "Members", "integer", "", "Members whose projected spend falls in the tier"),
            Column("share_of_members", "Share of members", "percent"),
            Column("share_of_spend", "Share of spend", "percent", "", "Of the twelve-month spend of all members"),
            Column("within_reach", "Within reach of the next", "integer", "", "At most 20 % missing (goal gradient)"),
            Column("points", "Points per unit spent", "number"),
            Column("benefit", "Benefits per member and year", "money", currency),
            Column("cost", "Reward cost a year", "money", currency),
            Column("perks", "Benefits"),
        ],
        [
            [r["name"], r["threshold"], r["members"], r["share_of_members"], r["share_of_spend"],
             r["within_reach_of_next"], r["points_per_unit"], r["benefit_per_member"], r["reward_cost"],
             "; ".join(r["perks"])]
            for r in rows
        ],
        f"{how} Downgrade one tier at a time, on rolling twelve months. {_beside_tiers(rows, design, currency)}"
        + (IDEAS if any(r["perks"] and not r["perk_costs"] for r in rows) else ""),
    )  # fmt: skip


def _beside_tiers(rows: list[dict[str, Any]], design: RewardDesign, currency: str) -> str:
    """What the reward pool holds beside the costs of the tiers, so that the column adds up to it."""
    coins = minor_units(currency)
    pool, missions = as_shown(design.pool, coins), as_shown(design.missions_pool, coins)
    surprise = as_shown(design.surprise_pool, coins)
    adds_up = pool == missions + surprise + sum(as_shown(row["reward_cost"], coins) for row in rows)
    beside = f" and {Money(missions, currency)} for missions" if missions else ""
    return (
        f"Of the reward pool of {Money(pool, currency)} a year, {Money(surprise, currency)} for surprise moments{beside} "
        "belong to no tier." + ("" if adds_up else " Each amount is rounded by itself.")
    )


def _earning(planned: PlannedProgram, overrun: float, currency: str) -> Metrics:
    design, tolerated = planned.design, planned.assumptions.tolerated_overrun
    return Metrics(
        "earning",
        "Earn rules and budget",
        [
            Figure("budget", "Reward budget a year", planned.budget, currency, definition="A limit, not a target"),
            Figure("pool", "Expected reward cost a year", design.pool, currency,
                   definition="Of the pools within the budget and the tolerated risks the one that earns most"),
            Figure("unspent", "Budget that is not used", planned.budget - design.pool, currency,
                   definition="More rewards would cost more than they bring, or might overrun the budget"),
            Figure("base_rate", "Base earn rate", design.base_points_per_unit, "points per unit spent"),
            Figure("value_rate", "Rewards in all, of what members spend", 100 * design.value_rate, "%",
                   definition="Face value of points, benefits, missions and surprise moments"),
            Figure("overrun", "Chance that the budget is overrun", 100 * overrun, CHANCE,
                   definition=f"Within a year, over all assumptions; at most {percent_text(tolerated, 0)} is proposed"),
            figure("mission_points", "Points per mission", design.points_per_mission, unit="points"),
            Figure("missions_pool", "Pool for missions", design.missions_pool, currency),
            Figure("surprise_pool", "Pool for surprise moments", design.surprise_pool, currency),
        ],
    )  # fmt: skip


def _terms(expiry: ExpiryPolicy) -> Table:
    columns_ = [Column("term", "Term"), Column("says", "What the design says"), Column("source", "Source")]
    rows = [["Expiry of points", expiry.sentence(), expiry.source]]
    return Table("terms", "Terms of points", columns_, rows)


def _distribution(spend: np.ndarray, thresholds: list[float], currency: str) -> Chart:
    widest = float(np.quantile(spend, 0.99)) or 1.0  # the few largest would leave one bar and a desert
    edges = np.linspace(0, widest, 21)
    counts, _ = np.histogram(np.minimum(spend, widest), bins=edges)
    labels = [f"{a:,.0f}–{b:,.0f}" for a, b in zip(edges[:-1], edges[1:], strict=True)]
    labels[-1] = f"from {edges[-2]:,.0f}"
    marked = ", ".join(f"{t:,.0f}" for t in thresholds)
    note = f"Tier thresholds: {marked}. " if marked else ""
    note += "The last bar holds everybody above."
    return Chart("spend", "Twelve-month spend of members", "histogram", labels,
                 [Series("Members", [int(c) for c in counts])], f"spend, {currency}", "members", "", note)  # fmt: skip


def _assumption_table(assumptions: LoyaltyAssumptions) -> Table:
    return Table(
        "assumptions",
        "Assumptions",
        [Column("name", "Assumption"), Column("low", "Low", "number"), Column("mode", "Most likely", "number"),
         Column("high", "High", "number"), Column("unit", "Unit"), Column("source", "Source")],
        [[a.name.replace("_", " "), a.low, a.mode, a.high, a.unit, a.source] for a in assumptions.table()],
        "A stated assumption was measured by nobody yet; replace it as soon as data allow.",
    )  # fmt: skip
