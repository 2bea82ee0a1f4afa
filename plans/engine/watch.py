"""Watching a plan from the command line, until it is done or waits for a person."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

from plans.engine.sweep import sweep
from plans.models import FINAL_PLAN_STATES, Plan, Task, TaskKind

POLL = 0.3
SWEEP_EVERY = 2.0
MOVING = ("ready", "leased", "running", "retry_wait", "fallback_ready", "fallback_running")


def until_waiting(plan: Plan, *, report: Callable[[str], None]) -> None:
    """Return when the plan is final, or nothing moves without a person. Runs a worker if none is up."""
    with worker_if_none(report):
        swept, shown = time.monotonic(), ""
        while True:
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
    if plan.state not in ("running", "blocked"):
        return False
    return plan.tasks.filter(kind=TaskKind.AUTOMATED, state__in=MOVING).exists()


def progress_line(plan: Plan) -> str:
    bars = [f"{t.task_id} {_bar(t)}" for t in plan.tasks.order_by("position")]
    return f"{plan.get_state_display()}: " + "  ".join(bars)


def _bar(task: Task) -> str:
    marks = {"succeeded": "done", "pending": "·", "awaiting_approval": "waits for approval"}
    if task.state in ("running", "fallback_running"):
        filled = task.progress // 20
        return f"[{'#' * filled}{'-' * (5 - filled)}] {task.progress} %"
    return marks.get(task.state, task.get_state_display().lower())


def what_waits(plan: Plan) -> list[str]:
    """Sentences for whoever looks at a plan that stands still."""
    rounds = plan.approvals.filter(state__in=["pending", "unsatisfiable"]).order_by("pk")
    lines = [f"waits for approval {a.pk}: {a.title} ({a.get_state_display().lower()})" for a in rounds]
    people = plan.tasks.filter(kind=TaskKind.HUMAN, state="ready").select_related("owner", "agent")
    lines += [f"waits for {t.owner or t.agent}: {t}" for t in people]
    stuck = plan.tasks.filter(state__in=["escalated", "unknown"])
    return lines + [f"{t}: {(t.error or {}).get('message', 'escalated')}" for t in stuck]


@contextmanager
def worker_if_none(report: Callable[[str], None]) -> Iterator[None]:
    """A worker of our own for the duration, where no worker answers."""
    if _someone_answers():
        yield
        return
    report("No worker is up; running one for the duration.")
    environment = {**os.environ, **broker_for_one()}
    command = [sys.executable, "-m", "celery", "-A", "gtm", "worker", "-Q", "control,steps", "-P", "threads",
               "-c", "2", "--without-gossip", "--without-mingle", "--loglevel", "WARNING"]  # fmt: skip
    process = subprocess.Popen(command, env=environment, cwd=settings.BASE_DIR)  # noqa: S603 - our own worker
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def _someone_answers() -> bool:
    try:
        return bool(current_app.control.ping(timeout=1.0))
    except (OperationalError, ConnectionError, OSError):
        return False
