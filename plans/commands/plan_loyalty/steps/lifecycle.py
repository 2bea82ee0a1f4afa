"""Step 3, lifecycle mapping: event → loyalty action → channel → owner, each rule counted on the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plans.commands.plan_loyalty.command import COMPLIANCE_BLOCKER
from plans.commands.plan_loyalty.steps.constraints import (
    Designed,
    FittedTrigger,
    as_values,
    broken,
    check,
    constraint_table,
    eligible_members,
    expiry_of,
    fit_trigger,
    stated,
)
from plans.commands.plan_loyalty.steps.goals import goal_of
from plans.commands.plan_loyalty.steps.personas import PersonaMembers, personas_of
from plans.commands.shared.columns import columns
from plans.commands.shared.goal_measures import figures_of
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Column, Signal, StepResult, Table
from programs.analytics import lifecycle
from programs.analytics.estimate import Unavailable
from programs.analytics.goals import GoalFigures
from programs.analytics.lifecycle import TriggerRow
from programs.datasets import OpenData

WINDOW_DAYS = 30
TIER_PERIOD_DAYS = 365
OWNER_ROLES = {
    "Lifecycle marketing": "loyalty-ops",
    "Customer success": "loyalty-ops",
    "Loyalty operations": "loyalty-ops",
    "Account management": "loyalty-strategist",
    "Advocacy": "loyalty-strategist",
}


def map_lifecycle(context: StepContext) -> StepResult:
    audience, asked = eligible_members(context), stated(context)
    expiry = expiry_of(context, audience)
    design = {**context.outputs["design"], "expiry": expiry.as_values()}
    end = _day(audience.data.as_of("purchases"))
    context.progress(10, "Events of members")
    goal, figures = goal_of(context), figures_of(audience.data)
    tables = events_of(audience.data, design, figures)
    days = {event: column for table in tables for event, column in table.days.items()}
    members = personas_of(context, audience.data)
    context.progress(70, "Counting the entry rules")
    rows, refused = [], []
    for trigger in lifecycle.triggers_for(goal.goal, goal.triggers(figures)):
        fitted = fit_trigger(trigger, asked, expiry)
        if fitted.refused:
            refused.append({"key": trigger.key, "why": fitted.refused})
        else:
            row = _row(trigger, fitted, days, end, context)
            rows.append(row | by_persona(fitted.trigger, tables, members, end))
    counted = [r for r in rows if r["fired"] is not None]
    results = check(context, audience, Designed(design, rows, refused))
    blockers = broken(results)
    return StepResult(
        values={
            "window_days": WINDOW_DAYS,
            "triggers": rows,
            "not_published": refused,
            "constraints": as_values(results),
            "counted": len(counted),
            "uncounted": len(rows) - len(counted),
            "headline": [
                {
                    "label": "Lifecycle triggers",
                    "value": f"{len(rows)}, of which {len(counted)} counted on the data",
                }
            ],
        },
        outputs=[_matrix(rows, refused), *([constraint_table(results)] if results else [])],
        signals=[
            Signal(COMPLIANCE_BLOCKER, f"Constraint “{b.constraint.text}” is not met: {b.how}")
            for b in blockers[:1]
        ],
        measured={COMPLIANCE_BLOCKER: ""} if results else {},
    )


@dataclass(frozen=True, slots=True, eq=False)
class EventTable:
    """Day numbers of events, NaN where it did not happen; ``ids`` whose row each is, None where nothing says."""

    days: Mapping[str, np.ndarray]
    ids: Sequence[str] | None = None


def events_of(data: OpenData, design: Mapping[str, Any], figures: GoalFigures) -> list[EventTable]:
    """Each event the data hold, a row a member, a purchase or an answer."""
    purchases, as_of = data.snapshot("purchases"), data.as_of("purchases")
    thresholds = [tier["threshold"] for tier in design["tiers"] if tier["threshold"] > 0]
    first_step = thresholds[0] if thresholds else 0
    listed, ledger = data.find("members"), data.find("point_ledger")
    table = data.engine.lifecycle_days(
        purchases, as_of=as_of, threshold=first_step, members=listed, ledger=ledger
    )
    members = columns(table)
    found = {name: members[name] for name in ("first_purchase", "second_purchase", "fourth_purchase")}
    if listed:
        found["enrolment"] = members["enrolment"]
    if ledger:
        found["first_redemption"] = members["first_redemption"]
    if thresholds:
        found |= {name: members[name] for name in ("near_next_tier", "next_tier_reached")}
        found["tier_period_end"] = members["next_tier_reached"] + TIER_PERIOD_DAYS
    bought = data.engine.purchase_spells(purchases, as_of=as_of)
    spells = columns(bought)
    small = np.where(spells["amount"] < figures.high_order, spells["purchase"], np.nan)
    orders = {"purchase": spells["purchase"], "next_purchase": spells["next_purchase"], "small_order": small}
    tables = [
        EventTable(found, table.column("member_id").to_pylist()),
        EventTable(orders, bought.column("member_id").to_pylist()),
    ]
    if data.has("survey_responses"):
        answers = columns(data.engine.survey_days(data.snapshot("survey_responses"), as_of=as_of))
        promoters = np.where(answers["score"] >= 9, answers["day"], np.nan)
        detractors = np.where(answers["score"] <= 6, answers["day"], np.nan)
        tables.append(EventTable({"promoter_answer": promoters, "detractor_answer": detractors}))
    return tables


def by_persona(
    trigger: TriggerRow, tables: Sequence[EventTable], members: PersonaMembers | None, end: float
) -> dict[str, Any]:
    """How often the trigger would have fired for each persona; nothing where none is asked for."""
    if members is None:
        return {}
    counts: dict[str, int | None] = {}
    table = next((t for t in tables if t.ids is not None and trigger.rule.anchor in t.days), None)
    of_row = members.of(table.ids) if table and table.ids is not None else None
    for n, name in enumerate(members.names):
        mine = {} if table is None else {event: column[of_row == n] for event, column in table.days.items()}
        fired = lifecycle.count_fired(trigger.rule, mine, end - WINDOW_DAYS, end)
        counts[name] = None if isinstance(fired, Unavailable) else fired
    return {"fired_by_persona": counts}


def _day(instant: Any) -> float:
    return instant.timestamp() / 86400


def _row(
    before: TriggerRow, fitted: FittedTrigger, days: dict[str, np.ndarray], end: float, context: StepContext
) -> dict[str, Any]:
    trigger = fitted.trigger
    fired = lifecycle.count_fired(trigger.rule, days, end - WINDOW_DAYS, end)
    role = OWNER_ROLES[trigger.owner]
    return {
        "key": trigger.key,
        "stage": trigger.stage.value,
        "event": lifecycle.EVENTS[trigger.rule.anchor],
        "entry_rule": fitted.entry_rule,
        "action": trigger.action,
        "channel": trigger.channel,
        "owner_role": role,
        "owner": context.program["people"].get(role, ""),
        "fired": None if isinstance(fired, Unavailable) else fired,
        "why_not_counted": fired.reason if isinstance(fired, Unavailable) else "",
        **({"channel_before": before.channel} if trigger.channel != before.channel else {}),
    }


def _matrix(rows: list[dict[str, Any]], refused: list[dict[str, Any]]) -> Table:
    names = list(rows[0].get("fired_by_persona") or {}) if rows else []
    left_out = "".join(f" Not published: {row['key']}. {row['why']}" for row in refused)
    return Table(
        "trigger_matrix",
        "Lifecycle trigger matrix",
        [
            Column("stage", "Stage"),
            Column("event", "Event"),
            Column("entry_rule", "Entry rule"),
            Column("action", "Loyalty action"),
            Column("channel", "Channel"),
            Column("owner", "Owner"),
            Column("fired", f"Would have fired, last {WINDOW_DAYS} days", "integer", "times"),
            *(Column(f"persona_{n}", name, "integer", "times") for n, name in enumerate(names, start=1)),
            Column("note", "Note"),
        ],
        [
            [r["stage"], r["event"], r["entry_rule"], r["action"], r["channel"],
             r["owner"] or r["owner_role"], r["fired"],
             *(r.get("fired_by_persona") or {}).values(), r["why_not_counted"]]
            for r in rows
        ],
        f"Counted on the loaded data; an empty count says which data are missing.{left_out}",
    )  # fmt: skip
