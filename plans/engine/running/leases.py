"""Leases, heartbeats and fencing: at most one worker writes the result of a task.

Every claim raises the task's ``fence``. A worker that lost its lease holds an old fence, and every
write asks for the current one in its WHERE clause.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import Max

from gtm.core import clock, own_code, prepared
from gtm.core.evidence import changelog
from gtm.core.fsm import perform_in_a_row
from plans.engine.escalation import ladder
from plans.engine.gates import scope
from plans.engine.running import steps
from plans.engine.running.steps import LeaseLost
from plans.engine.running.under_lock import Circumstances, read_again
from plans.engine.stopping import stopped
from plans.models import (
    AT_WORK_PLAN_STATES,
    AT_WORK_STATES,
    CLAIMABLE_STATES,
    OPEN_CASE_STATES,
    Plan,
    Task,
    TaskAttempt,
)

logger = logging.getLogger(__name__)

WRITE_PROGRESS_EVERY = 0.5  # seconds
CONTENT_DIFFERS = "content-differs"


def lease_time() -> timedelta:
    return timedelta(seconds=settings.GTM_LEASE_SECONDS)


def claim(task: Task, worker: str) -> TaskAttempt | None:
    """Take a ready task, or answer None: somebody else has it, or it is not to run now.

    The same message delivered twice finds the task leased and does nothing.
    """
    with changelog.holding(task.change_chain()):
        now = read_again(task)
        if task.state not in CLAIMABLE_STATES or task.plan.state not in AT_WORK_PLAN_STATES:
            return None
        if now.is_stopped:
            return None
        if differs := scope.why_not_approved(task, has_moved=now.has_moved):
            _tell_once(task, differs)
            return None
        if steps.why_held(task.plan, task.key):
            return None
        substitute = task.state == "fallback_ready"
        used, fence = task.attempts_used if substitute else 1, task.fence + 1
        if task.fence:
            # What people did since stands among the attempts, with fences of their own.
            fence = max(fence, 1 + task.attempts.aggregate(last=Max("fence", default=0))["last"])
            used = used if substitute else _next_number(task)
            _give_up_on_others(task)
        fields = {
            "fence": fence,
            "attempts_used": used,
            "lease_expires_at": clock.now() + lease_time(),
            "started_at": task.started_at or clock.now(),
            "progress": 0,
            "progress_note": "",
            "next_attempt_at": None,
        }
        perform_in_a_row(task, ["lease_fallback"] if substitute else ["lease", "start"], fields)
        attempt = TaskAttempt(
            task=task,
            number=1 if substitute else used,
            fence=task.fence,
            epoch=now.epoch,
            executor=TaskAttempt.Executor.SUBSTITUTE if substitute else TaskAttempt.Executor.ORIGINAL,
            code_sha256=own_code.digest(),
            changed=task.plan.rules.methods.get(task.key, "") if substitute else "",
            worker=worker,
            started_at=clock.now(),
        )
        prepared.insert([attempt])
        return attempt


def _tell_once(task: Task, differs: str) -> None:
    if not task.escalations.filter(trigger=CONTENT_DIFFERS, state__in=OPEN_CASE_STATES).exists():
        ladder.open_case(task.plan, CONTENT_DIFFERS, f"{task} does not start", task=task, detail=differs)


def _give_up_on_others(task: Task) -> None:
    """A worker that vanished while the plan was stopped or revised leaves an attempt without an outcome."""
    open_ = task.attempts.filter(outcome=TaskAttempt.Outcome.RUNNING)
    told = {"error_class": "infrastructure", "error": "The task was claimed again before it came back."}
    open_.update(outcome=TaskAttempt.Outcome.LOST, finished_at=clock.now(), **told)


def _next_number(task: Task) -> int:
    """Which attempt of the original begins. One that was lost or stopped is repeated, not counted again."""
    last = task.attempts.order_by("-fence").first()
    if (
        last is None
        or last.executor != TaskAttempt.Executor.ORIGINAL
        or last.outcome in TaskAttempt.COUNTED_OUTCOMES
    ):
        return task.attempts_used + 1
    return max(1, task.attempts_used)


def is_current(task: Task, attempt: TaskAttempt, now: Circumstances) -> bool:
    """Whether the attempt may still write. Call it with the chain locked and the task just read again."""
    return (
        task.fence == attempt.fence
        and task.state in AT_WORK_STATES
        and now.epoch == attempt.epoch
        and not now.is_stopped
    )


def extend(task_pk: int, fence: int, *, progress: int | None = None, note: str | None = None) -> bool:
    """Push the lease out, and the progress bar with it. False where the lease is no longer ours, or stopped.

    Leases and progress are bookkeeping, not evidence: this write leaves no history and no log row.
    """
    values: dict[str, object] = {"lease_expires_at": clock.now() + lease_time()}
    if progress is not None:
        values |= {"progress": max(0, min(100, progress)), "progress_note": (note or "")[:200]}
    if Task.objects.filter(pk=task_pk, fence=fence, state__in=AT_WORK_STATES).note(**values) != 1:
        return False
    return stopped.is_stopped(Plan.objects.select_related("program").get(tasks=task_pk)) is None


def mark_effect(task_pk: int, attempt_pk: int) -> bool:
    """Leave the mark that an outside effect begins now. False where the attempt may not act any more."""
    with transaction.atomic():
        task = Task.objects.select_related("plan__program").get(pk=task_pk)
        changelog.lock_chain(task.change_chain())
        now = read_again(task)
        attempt = TaskAttempt.objects.get(pk=attempt_pk)
        if not is_current(task, attempt, now):
            return False
        attempt.effect_started_at = clock.now()
        attempt.save(update_fields=["effect_started_at"])
        return True


class LeaseKeeper:
    """Extends the lease while the step computes.

    Use as a context manager. ``progress`` is what the step calls; it raises LeaseLost where another
    worker took over or somebody pulled the rip-cord. Nothing was ``observed`` before: the step looks itself.
    """

    observed = None

    def __init__(self, task: Task, attempt: TaskAttempt):
        self._task_pk, self._fence, self._attempt_pk = task.pk, attempt.fence, attempt.pk
        self._lost = threading.Event()
        self._last = clock.now() - timedelta(seconds=WRITE_PROGRESS_EVERY)

    def __enter__(self) -> LeaseKeeper:
        Heart.of_this_process().take(self)
        return self

    def __exit__(self, *exc: object) -> None:
        Heart.of_this_process().leave(self)

    def beat(self) -> bool:
        """Push the lease out; False where it is lost. A database that is away for a while takes no lease."""
        try:
            if not extend(self._task_pk, self._fence):
                self._lost.set()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("the heartbeat of task %s missed a beat: %s", self._task_pk, error)
        return not self._lost.is_set()

    def progress(self, percent: int, note: str = "") -> None:
        if self._lost.is_set():
            raise LeaseLost("Another worker has this task now, or it was stopped.")
        if percent < 100 and (clock.now() - self._last).total_seconds() < WRITE_PROGRESS_EVERY:
            return
        self._last = clock.now()
        if not extend(self._task_pk, self._fence, progress=percent, note=note):
            raise LeaseLost("Another worker has this task now, or it was stopped.")

    def effect(self, what: str) -> None:
        """Ask leave for an outside effect, immediately before it. Raises LeaseLost after a pull."""
        if self._lost.is_set() or not mark_effect(self._task_pk, self._attempt_pk):
            raise LeaseLost(f"“{what}” must not happen: the task was stopped, or another worker has it.")


class Heart:
    """The thread of a process that beats for the steps it computes: one for all, for most end before a beat.

    Between beats it holds no connection. A process that is forked starts a thread of its own.
    """

    _ours: Heart | None = None
    _guard = threading.Lock()
    IDLE = 60.0  # seconds between two looks where nothing is computed

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._due: dict[LeaseKeeper, float] = {}
        self._changed = threading.Condition()
        self._wakes_at = 0.0
        self._beating: LeaseKeeper | None = None
        threading.Thread(target=self._run, name="heartbeat", daemon=True).start()

    @classmethod
    def of_this_process(cls) -> Heart:
        with cls._guard:
            if cls._ours is None or cls._ours._pid != os.getpid():
                cls._ours = cls()
            return cls._ours

    def take(self, keeper: LeaseKeeper) -> None:
        with self._changed:
            due = self._due[keeper] = time.monotonic() + settings.GTM_LEASE_SECONDS / 3
            if due < self._wakes_at:
                self._changed.notify_all()

    def leave(self, keeper: LeaseKeeper) -> None:
        """No beat of it is under way, or will come."""
        with self._changed:
            self._due.pop(keeper, None)
            self._changed.wait_for(lambda: self._beating is not keeper)

    def _run(self) -> None:
        while True:
            keeper, is_ours = self._next(), True
            try:
                is_ours = keeper.beat()
            except Exception:  # noqa: BLE001 - the thread beats for the steps to come as well
                logger.exception("a heartbeat failed; the next one tries again")
            connection.close()
            with self._changed:
                self._beating = None
                if keeper in self._due and is_ours:
                    self._due[keeper] = time.monotonic() + settings.GTM_LEASE_SECONDS / 3
                else:
                    self._due.pop(keeper, None)
                self._changed.notify_all()

    def _next(self) -> LeaseKeeper:
        """The keeper whose beat is due, once it is."""
        with self._changed:
            while True:
                now = time.monotonic()
                keeper = min(self._due, key=self._due.__getitem__, default=None)
                if keeper is not None and self._due[keeper] <= now:
                    self._beating = keeper
                    return keeper
                self._wakes_at = self._due[keeper] if keeper is not None else now + self.IDLE
                self._changed.wait(self._wakes_at - now)
