"""Escalation ladders: each rung once, empty rungs skipped, no storm after an outage, never an approval.

A case is due at a time in its row; the sweep fires what is due. After an outage only the next rung
fires and its wait counts from now.
"""

from __future__ import annotations

import logging
from datetime import datetime
from textwrap import shorten
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from gtm.core import actors, clock
from gtm.core.errors import GtmError, GuardNotMet, Problem
from gtm.core.evidence import changelog
from gtm.core.fsm import perform
from plans.engine.escalation.clocks import calendar_of, pause_case
from plans.engine.people.directory import Directory
from plans.engine.people.permissions import persons_of
from plans.engine.stopping import stopped
from plans.models import (
    ASKING_STATES,
    CLIMBING_STATES,
    OPEN_CASE_STATES,
    Approval,
    Escalation,
    Plan,
    RungFiring,
    Task,
)

logger = logging.getLogger(__name__)

RENEWALS = 1
BATCH = 500
OVERDUE, UNSATISFIABLE = "approval-overdue", "approval-unsatisfiable"
TASK_OVERDUE, UNATTENDED = "task-overdue", "task-unattended"
OF_TASKS = (TASK_OVERDUE, UNATTENDED)
"""Cases that end when their task is done, or is with somebody and in time again."""


def open_case(
    plan: Plan,
    trigger: str,
    subject: str,
    *,
    task: Task | None = None,
    approval: Approval | None = None,
    detail: str = "",
    evidence: list[dict[str, Any]] | None = None,
) -> Escalation:
    """Open a case and fire its first rung; the same trigger on the same subject counts on the open one."""
    about = f"approval {approval.pk}" if approval else f"task {task.task_id}" if task else "plan"
    with transaction.atomic(), actors.on_their_behalf("Ladder"):
        changelog.lock_chain(plan.change_chain())
        case = Escalation.objects.filter(
            plan=plan, trigger=trigger, about=about, state__in=OPEN_CASE_STATES
        ).first()
        if case is not None:
            case.occurrences += 1
            case.evidence += [item for item in evidence or [] if item not in case.evidence]
            case.save()
            return case
        case = Escalation(
            plan=plan,
            task=task,
            approval=approval,
            about=about,
            trigger=trigger,
            subject=shorten(subject, 240, placeholder=" …"),
            detail=detail,
            evidence=evidence or [],
            ladder=[dict(rung.stored) for rung in plan.rules.ladder],
            due_at=clock.now(),  # a plan that is stopped climbs as soon as it goes on
        )
        case.save()
        if (still := stopped.stands_still(plan)) is None:
            climb(case, clock.now())
        else:  # its clock stands still like every other, and starts with them
            pause_case(case, still)
    return case


def climb(case: Escalation, now: datetime) -> None:
    """Fire the next rung somebody stands on; without one, start over or be exhausted: the matter holds."""
    calendar, directory = calendar_of(case.plan), Directory.today()
    for rung in case.rungs[case.rung :]:
        people = directory.standing(rung.roles)
        firing = RungFiring(
            case=case,
            cycle=case.cycle,
            rung=rung.rung,
            role="/".join(rung.roles)[:80],
            notified=[{"name": p.name, "email": p.email} for p in people],
            skipped_reason="" if people else "Nobody holds a role of this rung today.",
            fired_at=now,
        )
        firing.save()
        due = calendar.add_hours(now, rung.hours) if people else now
        told = ", ".join(p.name for p in people) or "nobody; skipped"
        perform(
            case,
            "notify",
            comment=f"Rung {rung.rung} ({firing.role}): {told}.",
            set_fields={"rung": rung.rung, "due_at": due, "renewals": 0},
        )
        if people:
            return
    if case.cycle <= case.plan.rules.ladder_repeats:
        again = {"cycle": case.cycle + 1, "rung": 0, "due_at": now}
        perform(case, "start_over", comment="The ladder starts again.", set_fields=again)
        climb(case, now)
        return
    perform(
        case,
        "exhaust",
        comment="The last rung has not answered. The case is on hold. Silence never approves.",
        set_fields={"due_at": None},
    )
    if case.approval is not None and case.trigger in (OVERDUE, UNSATISFIABLE):
        _give_up(case.approval)


def _give_up(approval: Approval) -> None:
    """Nobody on the ladder answered: the round is on hold until people vote, or rejected where declared.

    A round nobody can decide holds as it is: people who come bring it back.
    """
    approval.refresh_from_db()
    if approval.state not in ASKING_STATES:
        return
    reason = "The last rung of the ladder has not answered."
    if approval.rules.on_exhausted == "hold":
        if approval.state == "pending":
            perform(approval, "exhaust", comment=reason, set_fields={"decided_at": clock.now()})
        return
    perform(approval, "reject", comment=reason, set_fields={"decided_at": clock.now()})
    settle(approval=approval, reason=f"{approval.title} was rejected.")
    perform(approval.plan, "reject", comment=reason, set_fields={"finished_at": clock.now()})


def open_cases(trigger: str) -> QuerySet[Escalation]:
    return Escalation.objects.filter(trigger=trigger, state__in=OPEN_CASE_STATES)


def fire_due(now: datetime) -> int:
    """Fire every case whose time has come, one rung each. Safe to run twice: a fired rung has moved on."""
    due = Escalation.objects.filter(state__in=CLIMBING_STATES, due_at__lte=now).select_related(
        "plan", "plan__program"
    )
    fired = 0
    for case in due.order_by("due_at")[:BATCH]:
        try:
            fired += fire(case, now)
        except GtmError as error:
            logger.warning("the ladder passed over %s: %s", case, error.detail)
    return fired


def fire(case: Escalation, now: datetime) -> bool:
    """Fire the next rung if the case is due. Looks again under the lock: somebody may have been faster."""
    with transaction.atomic():
        changelog.lock_chain(case.change_chain())
        case.refresh_from_db()
        is_due = case.state in CLIMBING_STATES and case.due_at is not None and case.due_at <= now
        if not is_due or stopped.is_stopped(case.plan):
            return False
        climb(case, now)
        return True


def acknowledge(case: Escalation, *, comment: str = "") -> Escalation:
    """ "I have it": the climb stops for the rung's time, once renewable, then goes on from the next rung."""
    with transaction.atomic():
        changelog.lock_chain(case.change_chain())
        case.refresh_from_db()
        hours = case.rungs[max(case.rung, 1) - 1].hours
        due = calendar_of(case.plan).add_hours(clock.now(), hours)
        person = next(iter(persons_of(actors.current().actor.user)), None)
        if case.state == "acknowledged":
            if case.renewals >= RENEWALS:
                raise GuardNotMet(
                    "An acknowledgement can be renewed only once. Resolve the case, or the next rung "
                    "is notified."
                )
            perform(case, "renew", comment=comment, set_fields={"due_at": due, "renewals": case.renewals + 1})
        else:
            perform(
                case, "acknowledge", comment=comment, set_fields={"due_at": due, "acknowledged_by": person}
            )
    return case


def resolve(case: Escalation, *, remediation: str) -> Escalation:
    """Close the case. It takes a sentence on what was done."""
    if not remediation.strip():
        raise GuardNotMet("Say what was done.", problems=[Problem("remediation", "is required.")])
    fields = {"remediation": remediation, "closed_at": clock.now(), "due_at": None}
    perform(case, "resolve", comment=remediation, set_fields=fields)
    return case


def settle(
    *, reason: str, task: Task | None = None, approval: Approval | None = None, trigger: str = ""
) -> None:
    """The subject is decided: its open cases and their pending rungs end in the same transaction.

    With a ``trigger`` only those cases.
    """
    cases = Escalation.objects.filter(state__in=OPEN_CASE_STATES)
    cases = cases.filter(task=task) if task is not None else cases.filter(approval=approval)
    cases = cases.filter(trigger=trigger) if trigger else cases
    with actors.on_their_behalf("Ladder"):
        for case in cases:
            perform(case, "cancel", comment=reason, set_fields={"closed_at": clock.now(), "due_at": None})
