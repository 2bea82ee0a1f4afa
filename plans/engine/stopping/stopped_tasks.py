"""What a pulled rip-cord does to the tasks of a plan, and what a release undoes. Idempotent, plan by plan."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from gtm.core import actors, clock
from gtm.core.evidence import changelog
from gtm.core.fsm import perform
from plans.engine.escalation import ladder
from plans.engine.stopping import stopped
from plans.models import AT_WORK_STATES, WAITING_STATES, Plan, Task, TaskAttempt

EFFECT_UNKNOWN = "effect-unknown"


def suspend_waiting(plan: Plan, reason: str) -> None:
    """Tasks not started wait; those at work have a grace time, see ``settle_overdue``."""
    with actors.on_their_behalf("Rip-cord"):
        for task in plan.tasks.filter(state__in=WAITING_STATES):
            perform(task, "suspend", comment=reason, set_fields={"held_from": task.state})


def resume(plan: Plan, reason: str) -> None:
    """Everything back to where it was. Who is still at work lost the right to write and starts again."""
    with actors.on_their_behalf("Rip-cord"):
        for task in plan.tasks.filter(state__in=AT_WORK_STATES).select_related("plan"):
            settle(task, reason)
        for task in plan.tasks.filter(state="suspended").exclude(held_from="pending").select_related("plan"):
            perform(task, "unsuspend", comment=reason)


def settle_overdue(now: datetime) -> int:
    """Suspend what is still at work after the grace time of a pull."""
    settled = 0
    for task in Task.objects.filter(state__in=AT_WORK_STATES).select_related("plan__program"):
        pulled_at = stopped.stopped_since(task.plan)
        if pulled_at is None or now < pulled_at + timedelta(seconds=settings.GTM_GRACE_SECONDS):
            continue
        with transaction.atomic():
            changelog.lock_chain(task.change_chain())
            task.refresh_from_db()
            if task.state in AT_WORK_STATES and stopped.is_stopped(task.plan):
                settle(task, "The rip-cord was pulled and the grace time is over.")
                settled += 1
    return settled


def settle(task: Task, reason: str) -> None:
    """Take a task out of its worker's hands: suspended, or unknown where an outside effect had begun."""
    attempt = task.attempts.order_by("-fence").first()
    if attempt is not None and attempt.outcome == TaskAttempt.Outcome.RUNNING:
        attempt.outcome, attempt.finished_at = TaskAttempt.Outcome.STOPPED, clock.now()
        attempt.save()
    with actors.on_their_behalf("Rip-cord"):
        if attempt is None or attempt.effect_started_at is None:
            held = {"held_from": task.state, "lease_expires_at": None}
            perform(task, "suspend", comment=reason, set_fields=held)
            return
        message = f"{reason} An outside effect had begun. Find out whether it happened."
        told = {"kind": "unclear", "message": message, "hint": "", "problems": []}
        perform(task, "lose_track", comment=message, set_fields={"error": told, "lease_expires_at": None})
        ladder.open_case(task.plan, EFFECT_UNKNOWN, f"{task}: {message}", task=task, detail=message)
