"""Triggers: rules looked at period by period, across the runs of a command on a program.

A reading belongs to the plan that measured it, and is counted with those of the same window, model and scope
of whatever plan: weekly and monthly runs count apart. What names none of these is about the work of a plan,
such as a design that loses: what one plan found in a row counts for it, too, whatever others found between.
The first breach tells the owner; enough of them open the ladder on the plan that breached and, where
declared, pull its rip-cord.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from django.db import transaction

from gtm.core import actors, clock
from gtm.core.errors import InvalidInput, NotPermitted, Problem
from gtm.core.evidence import changelog
from plans.engine.escalation import ladder
from plans.engine.people.permissions import holds_role, may_operate
from plans.engine.stopping import ripcord, stopped
from plans.models import (
    LIVE_PLAN_STATES,
    OPEN_CASE_STATES,
    SERIES,
    Breach,
    Escalation,
    Plan,
    Reading,
    Tally,
    Task,
    of_command,
    tally,
)
from plans.schemas import counting
from plans.schemas.outputs import NOT_CERTAIN, NOT_MEASURED, Measured, Signal, StepResult
from plans.schemas.rules import TriggerRules

SILENT = "metric-missing"


class MeasuredIn(Protocol):
    """When, how and of what something was measured: a signal, a measured value, the result of a step."""

    @property
    def period(self) -> str: ...
    @property
    def window(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def scope(self) -> str: ...


def take(plan: Plan, task: Task | None, result: StepResult) -> None:
    """Everything that a step, or a look at the newest data, found of the rules of the plan."""
    breached = {signal.trigger for signal in result.signals}
    fine = {rule: value for rule, value in result.measured.items() if rule not in breached}
    keep(plan, fine, result, task=task, limits=result.limits)
    for measured in result.readings:
        measure(plan, task, measured)
    for signal in result.signals:
        raise_signal(plan, task, signal)


def raise_signal(plan: Plan, task: Task | None, signal: Signal) -> Reading:
    """Count a breach. The first tells the owner; the declared number escalates."""
    value = "" if signal.value is None else str(signal.value)
    place = _place(signal)
    told = (value, signal.message, signal.limit)
    return _read(plan, task, signal.trigger, place, counting.BREACHED, *told, answered_by=signal.answered_by)


def measure(plan: Plan, task: Task | None, measured: Measured) -> Reading:
    """Hold a value against its declared metric rule. Raises InvalidInput where none is declared."""
    rule = plan.rules.trigger(measured.trigger)
    if rule is None or not rule.comparator:
        problem = Problem("trigger", f"“{measured.trigger}” is not a metric rule of this command.")
        raise InvalidInput("There is no such rule.", problems=[problem])
    found = counting.verdict(rule, measured.value)
    value = "" if measured.value is None else str(measured.value)
    told = f"{value or 'nothing'} measured, alarms at {rule.comparator} {rule.limit}"
    return _read(plan, task, measured.trigger, _place(measured), found, value, told)


def keep(
    plan: Plan,
    rules: Mapping[str, str],
    measured: MeasuredIn,
    *,
    task: Task | None = None,
    limits: Mapping[str, str] | None = None,
) -> None:
    """These rules were measured and did not breach, under the key that a breach would have stood under.

    ``rules`` → the value that kept each, "" where it has none, or that there was nothing to measure, or a
    value that is past its limit without evidence (``NOT_CERTAIN``), which neither counts nor clears;
    ``limits`` → the threshold it was held against, where a run brings its own.
    """
    for rule, value in sorted(rules.items()):
        verdict, told = _of_measured(value)
        limit = (limits or {}).get(rule, "")
        _read(plan, task, rule, _place(measured), verdict, told, "", limit)


def _of_measured(value: str) -> tuple[str, str]:
    """Verdict and value of what was measured and did not breach."""
    if value == NOT_MEASURED:
        return counting.MISSING, ""
    if value.startswith(NOT_CERTAIN):
        return counting.BETWEEN, value.removeprefix(NOT_CERTAIN).strip()
    return counting.GOOD, value


def clear(plan: Plan, rules: Collection[str], *, period: str = "") -> None:
    """These rules are fine again, without a window, a model or a scope of their own."""
    for rule in sorted(rules):
        _read(plan, None, rule, {"period": period}, counting.GOOD, "", "")


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


def _place(measured: MeasuredIn) -> dict[str, str]:
    return {name: getattr(measured, name) for name in ("period", *SERIES)}


def _read(
    plan: Plan,
    task: Task | None,
    rule: str,
    place: Mapping[str, str],
    verdict: str,
    value: str,
    message: str,
    limit: str = "",
    *,
    answered_by: Sequence[str] = (),
) -> Reading:
    changelog.lock_chain(plan.change_chain())
    declared = plan.rules.trigger(rule)
    key = {
        **place,
        "plan": plan,
        "rule": rule,
        "metric_version": declared.metric_version if declared else 1,
        "period": place["period"] or f"{plan.plan_id} revision {plan.revision}",
    }
    with actors.on_their_behalf("Triggers"):
        reading = Reading.objects.filter(**key).first()
        if reading is None:
            of = {"program": plan.program, "command": plan.command_key, "task": task}
            told = {"verdict": verdict, "value": value[:60], "message": message, "limit": limit}
            reading = Reading(**key, **of, **told)
            reading.save()
        elif (reading.verdict, reading.value, reading.limit) == (
            verdict,
            value[:60],
            limit,
        ) or verdict == counting.MISSING:
            return reading
        else:
            reading.limit = limit
            _amend(reading, verdict, value, message)
        if declared is not None:
            _act(plan, reading, declared, answered_by)
    return reading


def _amend(reading: Reading, verdict: str, value: str, note: str) -> None:
    """The same period with another value is a correction: never a second breach."""
    before = f"{reading.verdict} {reading.value}".strip()
    reading.verdict, reading.value = verdict, value[:60]
    reading.save()
    _keep_breaches(reading, _counted(reading))
    open_cases = ladder.open_cases(reading.rule).filter(
        plan__program=reading.program_id,
        state__in=OPEN_CASE_STATES,
        **of_command(reading.command, "plan__"),
    )
    for case in open_cases:
        if not _is_about(case, reading):
            continue
        after = f"{verdict} {value}".strip()
        case.evidence += [{"correction": reading.period, "before": before, "after": after, "note": note}]
        case.save()


def _is_about(case: Escalation, reading: Reading) -> bool:
    """Whether the case counts readings of this window, model and scope, or says nothing of any."""
    told = [one for one in case.evidence if "period" in one]
    return not told or any(all(one.get(n, "") == getattr(reading, n) for n in SERIES) for one in told)


def _counted(reading: Reading) -> Tally | None:
    """None where the plan declares no such rule any more."""
    rule = reading.plan.rules.trigger(reading.rule)
    return None if rule is None else tally(rule, list(reading.of_series()), reading.limit)


def _act(plan: Plan, reading: Reading, rule: TriggerRules, answered_by: Sequence[str]) -> None:
    counts = tally(rule, list(reading.of_series().select_related("plan")), reading.limit)
    if counts.found.is_silent:
        subject = f"{rule.title}: {counts.found.missing} periods without a value"
        ladder.open_case(plan, f"{reading.rule}-{SILENT}"[:60], subject)
    _keep_breaches(reading, counts, answered_by)
    counted = counts.for_plan(plan.pk)
    is_counted = reading.period in {r.period for r in counted}
    if reading.verdict != counting.BREACHED or len(counted) < rule.breaches or not is_counted:
        return
    told = "; ".join(f"{r.period}: {_in_words(rule, r)}" for r in counted)
    subject = f"{rule.title}: {reading.message}"
    ladder.open_case(
        plan,
        reading.rule,
        subject,
        detail=f"Breached {told}.",
        evidence=[_evidence(r) for r in counted],
        asks_to_stop=rule.pulls_ripcord,
        told_at_once=rule.at_once,
    )
    # A plan that is over has nothing left to stop; its case goes to the board all the same.
    if rule.pulls_ripcord and plan.state in LIVE_PLAN_STATES and stopped.is_stopped(plan) is None:
        ripcord.pull("plan", plan=plan, reason=subject, trigger=reading.rule)


def _keep_breaches(reading: Reading, counted: Tally | None, answered_by: Sequence[str] = ()) -> None:
    """A breach is on record from the first, which tells the owner; one that counts no more is cleared."""
    series = {name: getattr(reading, name) for name in ("command", "rule", *SERIES)}
    of_rule = Breach.objects.filter(reading.same_series()).select_related("plan")
    if reading.verdict == counting.BREACHED:
        own = {"plan": reading.plan, "period": reading.period}
        if not Breach.objects.filter(**series, **own).exists():
            rest = {name: getattr(reading, name) for name in ("task", "program", "value", "message")}
            Breach(**series, **own, **rest, answered_by=list(answered_by)).save()
    good = set(reading.of_series().exclude(verdict=counting.BREACHED).values_list("plan_id", "period"))
    held = {(r.plan_id, r.period): r.limit for r in reading.of_series()}
    for row in of_rule:
        if held.get((row.plan_id, row.period), reading.limit) != reading.limit:
            continue  # what this threshold says clears nothing that another one found
        counts = counted is not None and _counts(counted, row) and (row.plan_id, row.period) not in good
        cleared_at = None if counts else row.cleared_at or clock.now()
        if cleared_at != row.cleared_at:
            row.cleared_at = cleared_at
            row.save()


def _counts(counted: Tally, breach: Breach) -> bool:
    """Whether a breach counts: for all plans, or for its own as long as that can still be stopped."""
    own = counted.of_plans.get(breach.plan_id, ()) if breach.plan.state in LIVE_PLAN_STATES else ()
    return breach.period in {reading.period for reading in (*counted.of_all, *own)}


def _in_words(rule: TriggerRules, reading: Reading) -> str:
    """A value; where no limit says what it is of, the message, which has its unit."""
    is_measured = rule.comparator or reading.limit or any(getattr(reading, name) for name in SERIES)
    first, second = reading.value, reading.message.rstrip(".")
    return (first or second) if is_measured else (second or first)


def _evidence(reading: Reading) -> dict[str, Any]:
    series = {name: getattr(reading, name) for name in SERIES if getattr(reading, name)}
    return {
        "plan_id": reading.plan.plan_id,
        "period": reading.period,
        **series,
        "value": reading.value,
        "message": reading.message,
        **({"limit": reading.limit} if reading.limit else {}),
    }
