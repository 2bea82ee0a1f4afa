"""Watching a plan from the command line, until it is done or waits for a person."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from django.db import connection

from gtm.core.actors import TASK, Actor, acting_as
from plans.engine.running.runner import run_task
from plans.engine.running.sweep import sweep
from plans.models import (
    ASKING_STATES,
    AT_WORK_PLAN_STATES,
    CLAIMABLE_STATES,
    COMPUTING_STATES,
    FINAL_PLAN_STATES,
    MOVING_STATES,
    STUCK_STATES,
    WITH_PEOPLE,
    Plan,
    Task,
    TaskKind,
)

POLL = 0.3
SWEEP_EVERY = 2.0
THREADS = 2


def until_waiting(plan: Plan, *, report: Callable[[str], None]) -> None:
    """Return when the plan is final, or nothing moves without a person. Lends a hand as a worker itself."""
    with ForegroundWorker(plan) as worker:
        swept, shown = time.monotonic(), ""
        while True:
            worker.take_ready()
            plan.refresh_from_db()
            line = progress_line(plan)
            if line != shown:
                report(line)
                shown = line
            if plan.state in FINAL_PLAN_STATES or not is_moving(plan):
                return
            if time.monotonic() - swept > SWEEP_EVERY:
                sweep()
                swept = time.monotonic()
            time.sleep(POLL)


def is_moving(plan: Plan) -> bool:
    """Whether the engine has something to do that needs nobody."""
    if plan.state not in AT_WORK_PLAN_STATES:
        return False
    return plan.tasks.filter(kind=TaskKind.AUTOMATED, state__in=MOVING_STATES).exists()


def progress_line(plan: Plan) -> str:
    bars = [f"{t.task_id} {_bar(t)}" for t in plan.tasks.order_by("position")]
    return f"{plan.get_state_display()}: " + "  ".join(bars)


def _bar(task: Task) -> str:
    marks = {"succeeded": "done", "pending": "·", "awaiting_approval": "waits for approval"}
    if task.state in COMPUTING_STATES:
        filled = task.progress // 20
        return f"[{'#' * filled}{'-' * (5 - filled)}] {task.progress} %"
    return marks.get(task.state, task.get_state_display().lower())


def what_waits(plan: Plan) -> list[str]:
    """Sentences for whoever looks at a plan that stands still."""
    rounds = plan.approvals.filter(state__in=ASKING_STATES).order_by("pk")
    lines = [f"waits for approval {a.pk}: {a.title} ({a.get_state_display().lower()})" for a in rounds]
    people = plan.tasks.filter(WITH_PEOPLE).select_related("owner", "agent")
    lines += [f"waits for {t.owner or t.agent}: {t}" for t in people]
    held = plan.tasks.filter(state="pending").exclude(held_because="")
    lines += [f"{t} waits: {t.held_because}" for t in held]
    stuck = plan.tasks.filter(state__in=STUCK_STATES)
    return lines + [f"{t}: {(t.error or {}).get('message', 'escalated')}" for t in stuck]


class ForegroundWorker:
    """Runs the plan's ready tasks in threads of this process.

    It claims tasks as every worker does, so it may run beside others; with no worker and no broker
    up, it is the one that does the work.
    """

    def __init__(self, plan: Plan):
        self._plan = plan
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="foreground")
        self._taken: dict[tuple[int, int], Future[str]] = {}

    def __enter__(self) -> ForegroundWorker:
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown(wait=True)

    def take_ready(self) -> None:
        ready = self._plan.tasks.filter(kind=TaskKind.AUTOMATED, state__in=CLAIMABLE_STATES)
        for pk, fence in ready.order_by("position").values_list("pk", "fence"):
            if (pk, fence) not in self._taken:
                self._taken[pk, fence] = self._pool.submit(_run_one, pk)


def _run_one(task_pk: int) -> str:
    try:
        with acting_as(Actor.system("Runner", via=TASK)):
            return run_task(task_pk, worker="command line")
    finally:
        connection.close()
