"""Triggers: a breach is counted by rule and period, across runs; enough of them open the ladder."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from gtm.core import actors, changelog, clock
from plans.engine import ladder, ripcord
from plans.models import LIVE_PLAN_STATES, Breach, Plan, Task
from plans.schemas.outputs import Signal


def raise_signal(plan: Plan, task: Task, signal: Signal) -> Breach:
    """Count a breach. The first is on record and shown to the owner; the declared number escalates."""
    changelog.lock_chain(plan.change_chain())
    period = signal.period or f"{plan.plan_id} revision {plan.revision}"
    breach = Breach.objects.filter(
        program=plan.program, command=plan.command, rule=signal.trigger, period=period
    ).first()
    if breach is not None:
        return breach
    breach = Breach(
        plan=plan,
        task=task,
        program=plan.program,
        command=plan.command,
        rule=signal.trigger,
        period=period,
        value=str(signal.value if signal.value is not None else ""),
        message=signal.message,
    )
    with actors.on_their_behalf("Triggers"):
        breach.save()
        _escalate_if_enough(plan, breach)
    return breach


def clear(plan: Plan, rules: Collection[str]) -> None:
    """These rules were measured and were fine: their counters start again."""
    for breach in Breach.objects.filter(
        program=plan.program, command=plan.command, rule__in=rules, cleared_at__isnull=True
    ):
        breach.cleared_at = clock.now()
        breach.save()


def _escalate_if_enough(plan: Plan, breach: Breach) -> None:
    rule = next((t for t in plan.declaration["triggers"] if t["signal"] == breach.rule), None)
    if rule is None:
        return
    counted = list(
        Breach.objects.filter(
            program=plan.program, command=plan.command, rule=breach.rule, cleared_at__isnull=True
        ).select_related("plan")
    )
    if len(counted) < rule["breaches"]:
        return
    ladder.open_case(
        plan,
        breach.rule,
        f"{rule['title']}: {breach.message}"[:240],
        detail=f"Breached {len(counted)} times.",
        evidence=[_evidence(b) for b in counted],
    )
    if (
        rule["pulls_ripcord"] and plan.state in LIVE_PLAN_STATES
    ):  # a plan that is over has nothing left to stop
        ripcord.pull("plan", plan=plan, reason=f"{rule['title']}: {breach.message}", trigger=breach.rule)


def _evidence(breach: Breach) -> dict[str, Any]:
    return {
        "plan_id": breach.plan.plan_id,
        "period": breach.period,
        "value": breach.value,
        "message": breach.message,
    }
