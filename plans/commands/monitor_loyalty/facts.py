"""What a monitor-loyalty run reads of the organisation, and what every step reads of the run."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Any

from plans.commands.shared.metrics import days_of, facts_of, remediation_of
from plans.commands.shared.windows import WindowPair, windows_until
from plans.engine.running.steps import StepContext
from plans.models import SUCCEEDED_PLAN_STATES, Plan, of_command
from programs.models import Program
from programs.schemas.metrics import REPEAT_DAYS
from programs.selectors import experiment_designs, people_by_role

PLUGIN, NAME = "loyalty-lifecycle-orchestration", "monitor-loyalty"
KEY = f"{PLUGIN}:{NAME}"
ANALYST, STRATEGIST, SPONSOR, OPS = (
    "member-insights-analyst",
    "loyalty-strategist",
    "exec-sponsor",
    "loyalty-ops",
)
BLUEPRINT = f"{PLUGIN}:plan-loyalty"
OPTIONAL = ("members", "point_ledger", "survey_responses")


def gather_facts(program: Program) -> dict[str, Any]:
    """Who owns the backlog, what the registry defines, how tests were planned, and how long alerts took."""
    found = facts_of(program, KEY)
    return {
        **found,
        **blueprint_facts(program, found["metrics"]),
        "people": people_by_role([ANALYST, STRATEGIST, SPONSOR, OPS, "finance"]),
        "experiments": experiment_designs(program),
        "remediation": remediation_of(program, KEY),
    }


def blueprint_facts(program: Program, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The targets that the approved blueprint sets, as alert thresholds; nothing where there is no blueprint.

    A target is held against the same measure only: the repeat rate over the days that the blueprint promised.
    """
    plans = Plan.objects.filter(
        program=program, state__in=sorted(SUCCEEDED_PLAN_STATES), **of_command(BLUEPRINT)
    )
    plan = plans.order_by("-finished_at", "-pk").first()
    packet = plan.tasks.filter(output_var="packet").values_list("output", flat=True).first() if plan else None
    if plan is None or not packet:
        return {}
    targets = {target["key"]: target for target in packet["kpis"]}
    days = days_of(metrics["repeat_rate"])
    left_out = (
        ""
        if days == REPEAT_DAYS
        else f"The blueprint's repeat rate is one of {REPEAT_DAYS} days, that of the registry is of "
        f"“{metrics['repeat_rate']['window']}”: they are not compared."
    )
    rules = [
        f"{metric}<{limit}"
        for metric, limit in (
            ("repeat_rate", "" if left_out else _rounded_down(targets.get("repeat_rate"))),
            ("breakage", _rounded_down(targets.get("redemption_rate"), complement=True)),
        )
        if limit
    ]
    found = {
        "plan_id": plan.plan_id,
        "rules": ",".join(rules),
        "targets": packet["kpis"],
        "left_out": left_out,
    }
    return {"blueprint": found | {"nrr_days": packet.get("nrr_days", 0)}}


def _rounded_down(target: Mapping[str, Any] | None, *, complement: bool = False) -> str:
    """A target as a limit below which it alarms: never above it, or data that just reach it would alarm."""
    if target is None or target["threshold"] is None:
        return ""
    value = Decimal(str(target["threshold"]))
    limit = (1 - value if complement else value).quantize(Decimal("0.000001"), ROUND_DOWN)
    return format(limit, "f") if limit > 0 else ""


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
