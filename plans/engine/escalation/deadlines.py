"""Time to decide: reminders on the way, the first rung at its end, and rounds weighed with today's people.

The clock is the program's working calendar. It stands still while a round is frozen; see ``clocks``.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction

from gtm.core.errors import GtmError
from gtm.core.evidence import changelog
from plans.engine.alarms import blockers, readings
from plans.engine.escalation import ladder
from plans.engine.escalation.clocks import REMIND_AT, calendar_of, next_reminder
from plans.engine.gates import eligibility, rounds, tally
from plans.engine.running.fair_share import a_share
from plans.engine.stopping import stopped
from plans.models import ASKING_STATES, OPEN_CASE_STATES, Approval
from plans.schemas.outputs import Signal
from plans.selectors import PLAN_DOCUMENTS, approvals_with_votes

logger = logging.getLogger(__name__)

BATCH = 500
WEIGHED_AT_ONCE = 100
LATE = "approval-late"  # a command may declare it: approvals that slip twice


def escalate_overdue(now: datetime) -> int:
    """Open a case for every round whose time has run out and that has none yet."""
    late = Approval.objects.filter(state="pending", due_at__lte=now).exclude(
        pk__in=Approval.objects.filter(
            escalations__trigger=ladder.OVERDUE, escalations__state__in=OPEN_CASE_STATES
        ).values("pk")
    )
    opened = 0
    for approval in late.select_related("plan", "plan__program").order_by("due_at", "pk")[:BATCH]:
        opened += _escalate(approval, now)
    return opened


def _escalate(approval: Approval, now: datetime) -> bool:
    """Look again under the lock: a vote may have been faster."""
    with transaction.atomic():
        changelog.lock_chain(approval.change_chain())
        approval.refresh_from_db()
        is_late = approval.state == "pending" and approval.due_at is not None and approval.due_at <= now
        if not is_late or stopped.is_stopped(approval.plan):
            return False
        detail = f"It was due {approval.due_at:%Y-%m-%d %H:%M} UTC."
        subject = f"{approval.title} is overdue"
        ladder.open_case(approval.plan, ladder.OVERDUE, subject, approval=approval, detail=detail)
        if approval.plan.rules.trigger(LATE) is not None:
            period = f"{approval.plan.plan_id} {approval.gate} round {approval.round}"
            readings.raise_signal(approval.plan, approval.task, Signal(LATE, subject, period))
        return True


def escalate_unanswered(now: datetime) -> int:
    """A gate that watches for blockers asked for changes, and no revision came in the time of the gate."""
    waiting = Approval.objects.filter(
        state="changes_requested", plan__state="changes_requested", decided_at__isnull=False
    ).exclude(policy__signal_on_changes="")
    raised = 0
    for approval in waiting.select_related("plan__program", "task").order_by("decided_at", "pk")[:BATCH]:
        raised += _raise_unanswered(approval, now)
    return raised


def _raise_unanswered(approval: Approval, now: datetime) -> bool:
    """Look again under the lock: a revision may have been faster."""
    with transaction.atomic():
        changelog.lock_chain(approval.change_chain())
        plan = approval.plan
        plan.refresh_from_db()
        if plan.state != "changes_requested" or approval.decided_at is None or stopped.is_stopped(plan):
            return False
        last = plan.approvals.filter(task=approval.task_id).order_by("-round").first()
        due = calendar_of(plan).add_hours(approval.decided_at, approval.rules.hours)
        if last is None or last.pk != approval.pk or due > now:
            return False
        said = (
            f"Changes asked for by {approval.title} were due {due:%Y-%m-%d %H:%M} UTC; no revision has come."
        )
        return blockers.raise_blocker(approval, said)


def remind(now: datetime) -> int:
    """Remind who can still act at 50 % and 80 %, each once; after an outage only the latest."""
    waiting = Approval.objects.filter(state="pending", due_at__gt=now, remind_at__lte=now)
    sent = 0
    for approval in waiting.select_related("plan__program").order_by("remind_at", "pk")[:BATCH]:
        if stopped.is_stopped(approval.plan) is None:
            sent += _remind(approval, now)
    return sent


def _remind(approval: Approval, now: datetime) -> bool:
    """Look again under the lock: a vote, or another sweep, may have been faster."""
    with transaction.atomic():
        changelog.lock_chain(approval.change_chain())
        approval.refresh_from_db()
        is_due = approval.state == "pending" and approval.remind_at is not None and approval.remind_at <= now
        if not is_due:
            return False
        assert approval.due_at is not None, (
            f"{approval} is pending and has no end: the machine sets both times"
        )
        hours = approval.rules.hours
        left = calendar_of(approval.plan).hours_between(now, approval.due_at)
        over = round(100 * (1 - left / hours), 6)
        reached = max((mark for mark in REMIND_AT if mark <= over), default=0)
        if reached <= approval.reminded:
            return False
        approval.reminded = reached
        approval.remind_at = next_reminder(approval.plan, now, hours=hours, left=left, reminded=reached)
        approval.save()  # the row of the change log is what notices listen to
        return True


def reweigh() -> int:
    """People come, go and get authority: find open rounds whose seats can be filled again, or no longer."""
    waiting = approvals_with_votes().filter(state__in=ASKING_STATES)
    waiting = waiting.defer(*(f"plan__{name}" for name in PLAN_DOCUMENTS), "task__output", "scope", "summary")
    rounds = a_share(waiting.prefetch_related("escalations").order_by("pk"), WEIGHED_AT_ONCE)
    benches = eligibility.benches_of(rounds)
    moved = 0
    for approval in rounds:
        is_stuck = approval.state == "unsatisfiable"
        if benches[approval.pk].is_satisfiable == is_stuck and not stopped.is_stopped(approval.plan):
            moved += _reconsider(approval)
    return moved


def _reconsider(approval: Approval) -> bool:
    before = approval.state
    try:
        rounds.recheck(approval)
    except GtmError as error:
        logger.warning("could not weigh %s again: %s", approval, error.detail)
    if approval.state != before:
        with transaction.atomic():
            tally.record_asked(approval)
    return approval.state != before
