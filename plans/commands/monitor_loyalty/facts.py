"""What a monitor-loyalty run reads of the organisation, and what every step reads of the run."""

from __future__ import annotations

from typing import Any

from plans.commands.shared.metrics import facts_of, remediation_of
from plans.commands.shared.windows import WindowPair, windows_until
from plans.engine.running.steps import StepContext
from programs.models import Program
from programs.selectors import experiment_designs, people_by_role

PLUGIN, NAME = "loyalty-lifecycle-orchestration", "monitor-loyalty"
KEY = f"{PLUGIN}:{NAME}"
ANALYST, STRATEGIST, SPONSOR, OPS = (
    "member-insights-analyst",
    "loyalty-strategist",
    "exec-sponsor",
    "loyalty-ops",
)
OPTIONAL = ("members", "point_ledger", "survey_responses")


def gather_facts(program: Program) -> dict[str, Any]:
    """Who owns the backlog, what the registry defines, how tests were planned, and how long alerts took."""
    return {
        **facts_of(program, KEY),
        "people": people_by_role([ANALYST, STRATEGIST, SPONSOR, OPS, "finance"]),
        "experiments": experiment_designs(program),
        "remediation": remediation_of(program, KEY),
    }


def window_of(context: StepContext) -> WindowPair:
    """It ends with the last day of the purchases."""
    since = context.data.snapshot("purchases").window_start
    return windows_until(context.data.as_of("purchases"), context.inputs["window"], since=since)


def is_full(context: StepContext) -> bool:
    return bool(context.inputs["detail"] == "full")


def loaded(context: StepContext) -> list[str]:
    return [kind for kind in OPTIONAL if context.data.has(kind)]


def tiers_of(context: StepContext) -> dict[str, float]:
    """The program's tiers, the lowest first: name → spend of twelve months."""
    return {tier["name"]: float(tier["threshold"]) for tier in context.program["tiers"]}
