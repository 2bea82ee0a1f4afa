"""Time to decide: reminders on the way, the first rung at its end, and rounds weighed with today's people.

The clock is the program's working calendar. It stands still while a round is frozen; see ``clocks``.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from gtm.core import changelog, events
from gtm.core.errors import GtmError
from plans.engine import eligibility, gates, ladder, stops, triggers, verdicts
from plans.engine.clocks import calendar_of
from plans.models import OPEN_CASE_STATES, Approval
from plans.schemas.outputs import Signal
from plans.selectors import approvals_with_votes

logger = logging.getLogger(__name__)

BATCH = 500
REMIND_AT = (50, 80)
LATE = "approval-late"  # a command may declare it: approvals that slip twice


@dataclass(frozen=True, slots=True)
class ReminderDue:
    """Half, or four fifths, of the time to decide is over; goes to ``people`` (ids), who can still act."""

    approval_pk: int
    percent: int
    people: tuple[int, ...]


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
        if not is_late or stops.is_stopped(approval.plan):
            return False
        detail = f"It was due {approval.due_at:%Y-%m-%d %H:%M} UTC."
        subject = f"{approval.title} is overdue"
        ladder.open_case(approval.plan, ladder.OVERDUE, subject, approval=approval, detail=detail)
        if any(t["signal"] == LATE for t in approval.plan.declaration["triggers"]):
            period = f"{approval.plan.plan_id} {approval.gate} round {approval.round}"
            triggers.raise_signal(approval.plan, approval.task, Signal(LATE, subject, period))
        return True


def percent_over(approval: Approval, now: datetime) -> float:
    """How much of the working time to decide has passed, 0 to 100."""
    if approval.due_at is None:
        return 0.0
    left = calendar_of(approval.plan).hours_between(now, approval.due_at)
    return max(0.0, 100.0 * (1 - left / approval.policy["hours"]))


def remind(now: datetime) -> int:
    """Remind who can still act at 50 % and 80 %, each once; after an outage only the latest."""
    waiting = approvals_with_votes().filter(state="pending", due_at__gt=now, reminded__lt=REMIND_AT[-1])
    sent = 0
    for approval in waiting.order_by("due_at", "pk")[:BATCH]:
        reached = max((mark for mark in REMIND_AT if mark <= percent_over(approval, now)), default=0)
        if reached > approval.reminded and not stops.is_stopped(approval.plan):
            sent += _remind(approval, reached)
    return sent


def _remind(approval: Approval, percent: int) -> bool:
    with transaction.atomic():
        changelog.lock_chain(approval.change_chain())
        approval.refresh_from_db()
        if approval.state != "pending" or approval.reminded >= percent:
            return False
        voted = approval.decisions.filter(superseded_at__isnull=True).values_list("person_id", flat=True)
        asked = {c.person.pk for c in eligibility.bench_of(approval).candidates} - set(voted)
        approval.reminded = percent
        approval.save()
        events.publish_on_commit(ReminderDue(approval.pk, percent, tuple(sorted(asked))))
        return True


def reweigh() -> int:
    """People come, go and get authority: find open rounds whose seats can be filled again, or no longer."""
    rounds = list(
        approvals_with_votes()
        .filter(state__in=["pending", "unsatisfiable"])
        .prefetch_related("escalations")
        .order_by("pk")[:BATCH]
    )
    benches = eligibility.benches_of(rounds)
    moved = 0
    for approval in rounds:
        is_stuck = approval.state == "unsatisfiable"
        if benches[approval.pk].is_satisfiable == is_stuck and not stops.is_stopped(approval.plan):
            moved += _reconsider(approval)
    return moved


def _reconsider(approval: Approval) -> bool:
    before = approval.state
    try:
        gates.recheck(approval)
    except GtmError as error:
        logger.warning("could not weigh %s again: %s", approval, error.detail)
    if approval.state != before:
        with transaction.atomic():
            verdicts.record_asked(approval)
    return approval.state != before
