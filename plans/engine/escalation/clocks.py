"""Working clocks of a plan: rounds, ladders and tasks of people stand still and go on with the time left."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from gtm.core import actors, clock
from gtm.core.fsm import perform
from gtm.core.places.calendars import WorkingCalendar
from plans.models import (
    ASKING_STATES,
    CLIMBING_STATES,
    FINAL_TASK_STATES,
    WITH_PEOPLE,
    Approval,
    Escalation,
    Plan,
    Task,
    TaskKind,
)

_TIMES = ("due_at", "remind_at")
REMIND_AT = (50, 80)  # percent of the time to decide


def calendar_of(plan: Plan) -> WorkingCalendar:
    return plan.program.calendar


def next_reminder(
    plan: Plan, now: datetime, *, hours: float, left: float, reminded: float = 0
) -> datetime | None:
    """When a round with ``left`` of its ``hours`` to decide is reminded of next; None after the last."""
    mark = next((percent for percent in REMIND_AT if percent > reminded), None)
    if mark is None:
        return None
    return calendar_of(plan).add_hours(now, max(0.0, left - hours * (1 - mark / 100)))


def times_of(plan: Plan, now: datetime, due_at: datetime | None) -> dict[str, Any]:
    """The columns of a task that people have from ``now`` to ``due_at``: due, and when they are reminded."""
    hours = calendar_of(plan).hours_between(now, due_at) if due_at and due_at > now else 0.0
    remind_at = next_reminder(plan, now, hours=hours, left=hours) if hours else None
    return {"due_at": due_at, "remind_at": remind_at, "reminded": 0}


def move_due(task: Task, due_at: datetime | None) -> None:
    """Another due time for an open task, and its reminders with it where people have it already."""
    now = clock.now() if task.is_with_people else None
    for name, value in (times_of(task.plan, now, due_at) if now else {"due_at": due_at}).items():
        setattr(task, name, value)
    task.save()


def freeze(plan: Plan, reason: str) -> None:
    """Stop every running clock. The due time stays in the row: what was left is counted from the freeze.

    A case whose trigger pulled the rip-cord goes on: it is the call for those who decide what follows.
    """
    now = clock.now()
    with actors.on_their_behalf("Clocks"):
        for approval in Approval.objects.filter(plan=plan, state__in=ASKING_STATES):
            perform(approval, "freeze", comment=reason, set_fields={"frozen_at": now})
        for case in Escalation.objects.filter(plan=plan, state__in=CLIMBING_STATES, asks_to_stop=False):
            pause_case(case, reason)
        for task in _due_tasks(plan).filter(frozen_at=None):
            task.frozen_at = now
            task.save()


def pause_case(case: Escalation, reason: str) -> None:
    """Stop the climb of one case."""
    perform(case, "pause", comment=reason, set_fields={"held_from": case.state, "frozen_at": clock.now()})


def unpause_case(case: Escalation, reason: str) -> None:
    """Let one case climb again, with the time it had left."""
    due = _left_over(case.plan, case.frozen_at, case.due_at) or clock.now()
    perform(case, "unpause", comment=reason, set_fields={"due_at": due, "frozen_at": None})


def thaw(plan: Plan, reason: str) -> list[Approval]:
    """Start them again. Answers the rounds that go on: their votes and content are to be checked again."""
    thawed = []
    with actors.on_their_behalf("Clocks"):
        frozen = Approval.objects.filter(plan=plan, state="frozen")
        for approval in frozen.exclude(task__state="pending"):  # what it asks about is made again first
            _thaw(approval, reason)
            thawed.append(approval)
        for case in Escalation.objects.filter(plan=plan, state="paused"):
            unpause_case(case, reason)
        for task in _due_tasks(plan).exclude(frozen_at=None):
            for name in _TIMES:
                setattr(task, name, _left_over(plan, task.frozen_at, getattr(task, name)))
            task.frozen_at = None
            task.save()
    return thawed


def freeze_round(approval: Approval, reason: str) -> None:
    """Stop the clocks of one round, and of the ladders that are about it."""
    perform(approval, "freeze", comment=reason, set_fields={"frozen_at": clock.now()})
    for case in approval.escalations.filter(state__in=CLIMBING_STATES):
        pause_case(case, reason)


def thaw_round(approval: Approval, reason: str) -> None:
    """Let one round go on with the time it had left."""
    _thaw(approval, reason)
    for case in approval.escalations.filter(state="paused"):
        unpause_case(case, reason)


def _thaw(approval: Approval, reason: str) -> None:
    times = {n: _left_over(approval.plan, approval.frozen_at, getattr(approval, n)) for n in _TIMES}
    perform(approval, "thaw", comment=reason, set_fields={**times, "frozen_at": None})


def _due_tasks(plan: Plan) -> QuerySet[Task]:
    open_tasks = plan.tasks.filter(Q(kind=TaskKind.HUMAN) | WITH_PEOPLE | Q(held_from="with_substitute"))
    open_tasks = open_tasks.exclude(state__in=FINAL_TASK_STATES)
    return open_tasks.exclude(due_at=None).select_related("plan")


def _left_over(plan: Plan, stopped_at: datetime | None, due_at: datetime | None) -> datetime | None:
    """Now and the working time that was left; what stood still before it said since when is due at once."""
    if due_at is None:
        return None
    calendar, now = calendar_of(plan), clock.now()
    return calendar.add_hours(now, calendar.hours_between(stopped_at or now, due_at))
