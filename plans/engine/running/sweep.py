"""The sweep: finds what is due, lost or unheard, and sets it going again.

It keeps nothing in memory; every pass reads rows, so two sweeps at once, or one after a month's outage,
do no harm. Each row is its own transaction: one that fails does not hold up the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from gtm.core import clock, events
from gtm.core.actors import SWEEP, Actor, acting_as
from gtm.core.errors import GtmError
from gtm.core.evidence import changelog
from gtm.core.fsm import perform
from plans.engine.escalation import deadlines, ladder
from plans.engine.gates import break_glass
from plans.engine.people import substitutes, taken_back
from plans.engine.running import auditor, dispatch, flow, forecasts, runner
from plans.engine.running.fair_share import a_share
from plans.engine.stopping import ripcord, stopped, stopped_tasks, undo
from plans.models import AT_WORK_PLAN_STATES, CLAIMABLE_STATES, FINAL_TASK_STATES, Plan, Task, TaskKind

logger = logging.getLogger(__name__)

BATCH = 500
UNHEARD_AFTER = timedelta(seconds=10)
RING_AGAIN_AFTER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Swept:
    """How many rows each duty touched in one pass."""

    lost: int
    retried: int
    released: int
    rung: int
    escalated: int
    covered: int
    reminded: int
    reweighed: int
    stopped: int
    owed: int
    ahead: int
    ended: int


def sweep() -> Swept:
    """One pass over everything that waits for time. Safe to run at any moment, any number of times."""
    with acting_as(Actor.system("Scheduler", via=SWEEP)):
        auditor.wake(clock.now())
        swept = Swept(
            lost=_each(lost_leases(), runner.recover_lost),
            retried=_each(due_retries(), lambda task: perform(task, "retry")),
            released=_each(held_plans(), advance_held),
            rung=_each(unheard_tasks(), ring_again),
            covered=substitutes.sweep(clock.now()),
            escalated=_escalated(clock.now()),
            reminded=deadlines.remind(clock.now()) + deadlines.remind_tasks(clock.now()),
            reweighed=deadlines.reweigh(),
            stopped=stopped_tasks.settle_overdue(clock.now()) + ripcord.repair() + undo.sweep(),
            owed=break_glass.sweep(clock.now()),
            ahead=forecasts.sweep(clock.now()),
            ended=_each(ending_plans(), end_plan),
        )
        auditor.check(clock.now())
        return swept


def _escalated(now: datetime) -> int:
    """Ladders that climb, and what has become late; what is no longer late climbs no further."""
    deadlines.settle_tasks(now)
    fired = ladder.fire_due(now) + ladder.tell_turns(now) + deadlines.escalate_unanswered(now)
    return fired + deadlines.escalate_overdue(now) + deadlines.escalate_overdue_tasks(now)


def lost_leases() -> Iterable[Task]:
    """At work with a lease that ran out, or that was never set."""
    expired = Q(lease_expires_at__lt=clock.now()) | Q(lease_expires_at__isnull=True)
    return _tasks("leased", "running", "fallback_running").filter(expired)[:BATCH]


def due_retries() -> Iterable[Task]:
    return _tasks("retry_wait").filter(next_attempt_at__lte=clock.now())[:BATCH]


def unheard_tasks() -> Iterable[Task]:
    """Ready for longer than a bell takes: its message was lost, or no worker was there.

    Rung again once a minute only: while every worker is busy, or away for a day, bells pile up in the broker.
    """
    now = clock.now()
    waiting = _tasks(*CLAIMABLE_STATES).filter(updated_at__lt=now - UNHEARD_AFTER)
    silent = Q(rung_at=None) | Q(rung_at__lt=F("updated_at")) | Q(rung_at__lt=now - RING_AGAIN_AFTER)
    return waiting.filter(silent, kind=TaskKind.AUTOMATED)[:BATCH]


def ring_again(task: Task) -> None:
    if dispatch.ring_worker(events.TaskReady(task.pk)):
        Task.objects.filter(pk=task.pk).note(rung_at=clock.now())


def held_plans() -> Iterable[Plan]:
    """Plans with a task that waits for a day to come, or for something else outside its own needs."""
    held = _tasks("pending").exclude(held_because="")
    return a_share(Plan.objects.filter(pk__in=held.values("plan")).order_by("pk"), BATCH)


def advance_held(plan: Plan) -> None:
    """Go on where what holds a task has moved; a plan that goes live in a month is looked at, not locked."""
    waiting = plan.tasks.filter(state="pending").exclude(held_because="")
    if all(flow.why_held(plan, task) == task.held_because for task in waiting):
        return
    with transaction.atomic():
        changelog.lock_chain(plan.change_chain())
        flow.advance(plan)


def ending_plans() -> Iterable[Plan]:
    """Running plans of which nothing is left, when the last completion cannot be undone any more."""
    tasks = Task.objects.order_by().filter(plan=OuterRef("pk"))
    may_move = ~Q(state__in=FINAL_TASK_STATES) | Q(finished_at__gt=clock.now() - taken_back.TIME_TO_UNDO)
    by_people = tasks.filter(kind=TaskKind.HUMAN, state="succeeded")
    rows = Plan.objects.filter(~Exists(tasks.filter(may_move)), Exists(by_people), state="running")
    return a_share(rows.order_by("pk"), BATCH)


def end_plan(plan: Plan) -> None:
    """Close it, unless a review is owed or a case asks to stop: their end closes it."""
    if flow.no_review_owed(plan, {}) or stopped.nothing_asks_to_stop(plan, {}):
        return
    with transaction.atomic():
        changelog.lock_chain(plan.change_chain())
        flow.advance(plan)


def _tasks(*states: str) -> Any:
    rows = Task.objects.filter(state__in=states, plan__state__in=AT_WORK_PLAN_STATES)
    return rows.select_related("plan", "agent", "fallback_agent").order_by("plan_id", "position")


def _each(rows: Iterable[Any], act: Callable[[Any], Any]) -> int:
    done = 0
    for row in rows:
        try:
            act(row)
            done += 1
        except GtmError as error:
            logger.info("the sweep passed over %s: %s", row, error.detail)
        except Exception:  # noqa: BLE001 - one bad row must not stop the sweep for all others
            logger.exception("the sweep failed on %s", row)
    return done
