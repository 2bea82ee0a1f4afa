"""Undoing an aborted plan: compensations of what had succeeded, in reverse order, once each."""

from __future__ import annotations

import logging

from django.db import transaction

from gtm.core import actors, clock
from gtm.core.errors import GtmError
from gtm.core.evidence import changelog
from gtm.core.fsm import perform
from plans.engine.escalation import ladder
from plans.engine.running import steps
from plans.models import DONE_STATES, OPEN_CASE_STATES, Plan, Task, TaskAttempt

logger = logging.getLogger(__name__)

FAILED = "compensation-failed"


def finish_abort(plan: Plan, reason: str = "") -> bool:
    """Compensate and end the abort. One that fails stops it and goes to the ladder; called again it goes on.

    Each compensation is a transaction with its attempt row, so a crash between two repeats neither.
    """
    with actors.on_their_behalf("Rip-cord"):
        for task in plan.tasks.filter(state__in=DONE_STATES).select_related("plan").order_by("-position"):
            if not _compensate(task):
                return False
        with transaction.atomic():
            changelog.lock_chain(plan.change_chain())
            plan.refresh_from_db()
            if plan.state == "aborting":
                perform(plan, "finish_abort", comment=reason, set_fields={"finished_at": clock.now()})
    return True


def sweep() -> int:
    """Go on with aborts that a crash interrupted, or whose failed compensation people have resolved."""
    waiting = Plan.objects.filter(state="aborting").exclude(
        escalations__in=ladder.open_cases(FAILED).filter(state__in=OPEN_CASE_STATES)
    )
    return sum(finish_abort(plan, "The abort went on.") for plan in waiting)


def _compensate(task: Task) -> bool:
    undo = steps.compensation(task.plan.command_key, task.key)
    if undo is None or task.output is None or _is_compensated(task):
        return True
    try:
        with transaction.atomic():
            changelog.lock_chain(task.change_chain())
            if _is_compensated(task):
                return True
            undo(task.plan, task.output)
            _record(task, TaskAttempt.Outcome.SUCCEEDED)
            changelog.append(task, "compensated")
    except Exception as error:  # noqa: BLE001 - a compensation is a command's code; whatever failed goes to people
        logger.exception("the compensation of %s failed", task)
        said = error.detail if isinstance(error, GtmError) else f"{type(error).__name__}: {error}"
        with transaction.atomic():
            changelog.lock_chain(task.change_chain())
            _record(task, TaskAttempt.Outcome.FAILED, said)
            subject = f"{task} could not be undone: {said}"
            ladder.open_case(task.plan, FAILED, subject, task=task, detail=said)
        return False
    return True


def _is_compensated(task: Task) -> bool:
    done = {"executor": TaskAttempt.Executor.COMPENSATION, "outcome": TaskAttempt.Outcome.SUCCEEDED}
    return task.attempts.filter(**done).exists()


def _record(task: Task, outcome: str, error: str = "") -> None:
    last = task.attempts.order_by("-fence").first()
    TaskAttempt.objects.create(
        task=task,
        number=1,
        fence=max(last.fence if last else 0, task.fence) + 1,
        executor=TaskAttempt.Executor.COMPENSATION,
        outcome=outcome,
        finished_at=clock.now(),
        error=error[:4000],
    )
