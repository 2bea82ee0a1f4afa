"""Step 3, lifecycle mapping: event → loyalty action → channel → owner, each rule counted on the data."""

from __future__ import annotations

from typing import Any

import numpy as np

from plans.commands.shared.columns import columns
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Column, StepResult, Table
from programs.analytics import lifecycle
from programs.analytics.estimate import Unavailable
from programs.analytics.lifecycle import Goal, TriggerRow

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
    as_of = context.data.as_of("purchases")
    end = _day(as_of)
    context.progress(10, "Events of members")
    days = event_days(context)
    context.progress(70, "Counting the entry rules")
    rows = []
    for trigger in lifecycle.triggers_for(Goal(context.inputs["goal"])):
        rows.append(_row(trigger, days, end, context))
    counted = [r for r in rows if r["fired"] is not None]
    return StepResult(
        values={
            "window_days": WINDOW_DAYS,
            "triggers": rows,
            "counted": len(counted),
            "uncounted": len(rows) - len(counted),
            "headline": [
                {
                    "label": "Lifecycle triggers",
                    "value": f"{len(rows)}, of which {len(counted)} counted on the data",
                }
            ],
        },
        outputs=[_matrix(rows)],
        evidence={
            "Playwright": "Redemption flow to be tested once the first trigger is live; no page exists yet."
        },
    )


def event_days(context: StepContext) -> dict[str, np.ndarray]:
    """Day numbers of each event the data hold, NaN where it did not happen to that member or spell."""
    data = context.data
    purchases, as_of = data.snapshot("purchases"), data.as_of("purchases")
    thresholds = [tier["threshold"] for tier in context.outputs["design"]["tiers"] if tier["threshold"] > 0]
    first_step = thresholds[0] if thresholds else 0
    members = columns(data.engine.lifecycle_days(purchases, as_of=as_of, threshold=first_step))
    found = {name: members[name] for name in ("first_purchase", "second_purchase", "fourth_purchase")}
    spells = columns(data.engine.purchase_spells(purchases, as_of=as_of))
    found |= {"purchase": spells["purchase"], "next_purchase": spells["next_purchase"]}
    if thresholds:
        found |= {name: members[name] for name in ("near_next_tier", "next_tier_reached")}
        found["tier_period_end"] = members["next_tier_reached"] + TIER_PERIOD_DAYS
    if data.has("survey_responses"):
        answers = columns(data.engine.survey_days(data.snapshot("survey_responses"), as_of=as_of))
        found["promoter_answer"] = np.where(answers["score"] >= 9, answers["day"], np.nan)
        found["detractor_answer"] = np.where(answers["score"] <= 6, answers["day"], np.nan)
    return found


def _day(instant: Any) -> float:
    return instant.timestamp() / 86400


def _row(
    trigger: TriggerRow, days: dict[str, np.ndarray], end: float, context: StepContext
) -> dict[str, Any]:
    fired = lifecycle.count_fired(trigger.rule, days, end - WINDOW_DAYS, end)
    role = OWNER_ROLES[trigger.owner]
    return {
        "key": trigger.key,
        "stage": trigger.stage.value,
        "event": lifecycle.EVENTS[trigger.rule.anchor],
        "entry_rule": trigger.rule.sentence(),
        "action": trigger.action,
        "channel": trigger.channel,
        "owner_role": role,
        "owner": context.program["people"].get(role, ""),
        "fired": None if isinstance(fired, Unavailable) else fired,
        "why_not_counted": fired.reason if isinstance(fired, Unavailable) else "",
    }


def _matrix(rows: list[dict[str, Any]]) -> Table:
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
            Column("note", "Note"),
        ],
        [
            [r["stage"], r["event"], r["entry_rule"], r["action"], r["channel"],
             r["owner"] or r["owner_role"], r["fired"], r["why_not_counted"]]
            for r in rows
        ],
        "Counted on the loaded data; an empty count says which data are missing.",
    )  # fmt: skip
