"""Triggers: rules looked at period by period, across the runs of a command on a program.

The first breach tells the owner; enough of them open the ladder and, where declared, pull the rip-cord.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import transaction

from gtm.core import actors, clock
from gtm.core.errors import InvalidInput, NotPermitted, Problem
from gtm.core.evidence import changelog
from plans.engine.alarms import counting
from plans.engine.escalation import ladder
from plans.engine.people.permissions import holds_role, may_operate
from plans.engine.stopping import ripcord, stopped
from plans.models import LIVE_PLAN_STATES, OPEN_CASE_STATES, Breach, Plan, Reading, Task, of_command
from plans.schemas.outputs import Measured, Signal
from plans.schemas.rules import TriggerRules

SILENT = "metric-missing"


def raise_signal(plan: Plan, task: Task | None, signal: Signal) -> Reading:
    """Count a breach. The first tells the owner; the declared number escalates."""
    value = "" if signal.value is None else str(signal.value)
    return _read(plan, task, signal.trigger, signal.period, counting.BREACHED, value, signal.message)


def measure(plan: Plan, task: Task | None, measured: Measured) -> Reading:
    """Hold a value against its declared metric rule. Raises InvalidInput where none is declared."""
    rule = plan.rules.trigger(measured.trigger)
    if rule is None or not rule.comparator:
        problem = Problem("trigger", f"“{measured.trigger}” is not a metric rule of this command.")
        raise InvalidInput("There is no such rule.", problems=[problem])
    found = counting.verdict(rule, measured.value)
    value = "" if measured.value is None else str(measured.value)
    told = f"{value or 'nothing'} measured, alarms at {rule.comparator} {rule.limit}"
    return _read(plan, task, measured.trigger, measured.period, found, value, told)


def clear(plan: Plan, rules: Collection[str], *, task: Task | None = None, period: str = "") -> None:
    """These rules were measured and were fine."""
    for rule in sorted(rules):
        _read(plan, task, rule, period, counting.GOOD, "", "")


def report(plan: Plan, trigger: str, message: str) -> Reading:
    """A person reports what no metric shows: a partner objects, compliance blocks. Counts as a breach.

    Operations and whoever holds a role in the plan may. Raises InvalidInput for an undeclared trigger.
    """
    if plan.rules.trigger(trigger) is None:
        declared = tuple(t.signal for t in plan.rules.triggers)
        problem = Problem("trigger", f"“{trigger}” is unknown.", declared)
        raise InvalidInput("There is no such trigger.", problems=[problem])
    if not message.strip():
        raise InvalidInput(
            "Say what happened.", problems=[Problem("message", "is required.", code="required")]
        )
    actor = actors.current().actor
    with transaction.atomic():
        changelog.lock_chain(plan.change_chain())
        roles = plan.tasks.values_list("agent_id", flat=True)
        refused = may_operate(actor, plan, {})
        if refused and not holds_role(actor.user, *roles):
            raise NotPermitted(refused)
        number = plan.readings.filter(rule=trigger).count() + 1
        return raise_signal(plan, None, Signal(trigger, message, f"{plan.plan_id} report {number}"))


def correct(reading: Reading, *, value: str, breached: bool, comment: str) -> Reading:
    """A value was wrong: the counter follows, and an open case of the rule carries a note."""
    if not comment.strip():
        raise InvalidInput("Say why.", problems=[Problem("comment", "is required.", code="required")])
    actor = actors.current().actor
    with transaction.atomic():
        changelog.lock_chain(reading.change_chain())
        if refused := may_operate(actor, reading.plan, {}):
            raise NotPermitted(refused)
        reading.refresh_from_db()
        _amend(reading, counting.BREACHED if breached else counting.GOOD, value, comment)
    return reading


def _read(
    plan: Plan, task: Task | None, rule: str, period: str, verdict: str, value: str, message: str
) -> Reading:
    changelog.lock_chain(plan.change_chain())
    declared = plan.rules.trigger(rule)
    key = {
        "program": plan.program,
        "command": plan.command_key,
        "rule": rule,
        "metric_version": declared.metric_version if declared else 1,
        "period": period or f"{plan.plan_id} revision {plan.revision}",
    }
    with actors.on_their_behalf("Triggers"):
        reading = Reading.objects.filter(**key).select_related("plan").first()
        if reading is None:
            reading = Reading(**key, plan=plan, task=task, verdict=verdict, value=value[:60], message=message)
            reading.save()
        elif (reading.verdict, reading.value) == (verdict, value[:60]) or verdict == counting.MISSING:
            return reading
        else:
            _amend(reading, verdict, value, message)
        if declared is not None:
            _act(plan, reading, declared)
    return reading


def _amend(reading: Reading, verdict: str, value: str, note: str) -> None:
    """The same period with another value is a correction: never a second breach."""
    before = f"{reading.verdict} {reading.value}".strip()
    reading.verdict, reading.value = verdict, value[:60]
    reading.save()
    open_cases = ladder.open_cases(reading.rule).filter(
        plan__program=reading.program_id,
        state__in=OPEN_CASE_STATES,
        **of_command(reading.command, "plan__"),
    )
    for case in open_cases:
        after = f"{verdict} {value}".strip()
        case.evidence += [{"correction": reading.period, "before": before, "after": after, "note": note}]
        case.save()


def _act(plan: Plan, reading: Reading, rule: TriggerRules) -> None:
    same = {"program": plan.program, "command": plan.command_key, "rule": reading.rule}
    readings = list(
        Reading.objects.filter(**same, metric_version=reading.metric_version).select_related("plan")
    )
    found = counting.count_breaches(rule, [r.verdict for r in readings])
    if found.is_silent:
        subject = f"{rule.title}: {found.missing} periods without a value"
        ladder.open_case(plan, f"{reading.rule}-{SILENT}"[:60], subject)
    counted = [readings[index] for index in found.counted]
    _keep_breaches(reading, {r.period for r in counted})
    if reading.verdict != counting.BREACHED or not found.is_enough:
        return
    told = "; ".join(f"{r.period}: {r.value or r.message}" for r in counted)
    subject = f"{rule.title}: {reading.message}"
    evidence = [_evidence(r) for r in counted]
    ladder.open_case(plan, reading.rule, subject, detail=f"Breached {told}.", evidence=evidence)
    # A plan that is over has nothing left to stop; its case goes to the board all the same.
    if rule.pulls_ripcord and plan.state in LIVE_PLAN_STATES and stopped.is_stopped(plan) is None:
        ripcord.pull("plan", plan=plan, reason=subject, trigger=reading.rule)


def _keep_breaches(reading: Reading, counted: Collection[str]) -> None:
    """A breach is on record from the first, which tells the owner; one that counts no more is cleared."""
    of_rule = Breach.objects.filter(program=reading.program, command=reading.command, rule=reading.rule)
    breach = of_rule.filter(period=reading.period).first()
    if breach is None and reading.verdict == counting.BREACHED:
        same = ("plan", "task", "program", "command", "rule", "period", "value", "message")
        Breach(**{name: getattr(reading, name) for name in same}).save()
    for row in of_rule:
        cleared_at = None if row.period in counted else row.cleared_at or clock.now()
        if cleared_at != row.cleared_at:
            row.cleared_at = cleared_at
            row.save()


def _evidence(reading: Reading) -> dict[str, Any]:
    return {
        "plan_id": reading.plan.plan_id,
        "period": reading.period,
        "value": reading.value,
        "message": reading.message,
    }
