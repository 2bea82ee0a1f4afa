"""Runs one automated task: claim, compute, and write the result once, or say what went wrong.

Nothing is written between the claim and the final transaction but the lease, so a crash at any line
loses no more than time: the sweep finds the expired lease and the task runs again.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import DatabaseError, InterfaceError, transaction

from gtm.core import canonical, clock, prepared, tracing
from gtm.core.errors import GtmError
from gtm.core.evidence import changelog
from gtm.core.fsm import perform
from gtm.core.later import later
from plans.engine.alarms import readings
from plans.engine.escalation import ladder
from plans.engine.people import substitutes
from plans.engine.record import content
from plans.engine.running import kept_outputs, steps
from plans.engine.running.leases import LeaseKeeper, claim, is_current
from plans.engine.running.steps import EffectUnclear, Finished, LeaseLost, StepContext, TransientError
from plans.engine.running.under_lock import read_again, read_task
from plans.engine.stopping import stopped, stopped_tasks
from plans.engine.tools import calls
from plans.models import AT_WORK_STATES, DONE_STATES, Task, TaskAttempt
from plans.schemas.declaration import GUARDRAIL_INPUTS
from plans.schemas.outputs import Signal, StepResult, settle
from programs.schemas.referral_rules import payout_tolerance
from programs.series import query_engines, snapshot_store

if TYPE_CHECKING:
    from programs.datasets.snapshots import opened
else:
    opened = later("programs.datasets.snapshots.opened")

logger = logging.getLogger(__name__)

FIRST_BACKOFF, LONGEST_BACKOFF = 60, 900  # seconds: 60 × 2ⁿ ± 20 %, capped at 15 min
MAX_RESTARTS = 3
HOW_FINISHED = ("state", "finished_at", "due_at")
TRANSIENT = (
    TransientError,
    DatabaseError,
    InterfaceError,
    ConnectionError,
    TimeoutError,
    SoftTimeLimitExceeded,
    MemoryError,
)


def run_task(task_pk: int, worker: str) -> str:
    """Run a task if it is still to be run. Answers the state it is in afterwards."""
    task = read_task(task_pk)
    attempt = claim(task, worker)
    if attempt is None:
        return task.state
    told = {"plan": task.plan.plan_id, "command": task.plan.command_key, "task": task.key}
    with tracing.span(f"task {task.key}", **told, attempt=attempt.number) as span:
        state = _run(task, attempt)
        if span is not None:
            span.set_attribute("gtm.state", state)
    return state


def _run(task: Task, attempt: TaskAttempt) -> str:
    try:
        with LeaseKeeper(task, attempt) as heartbeat:
            result = compute(task, attempt, heartbeat)
            drawn = kept_outputs.draw_charts(result.outputs)
            called = calls.make(task, result, stored_values(result), heartbeat.progress)
        record_success(task, attempt, result, called, drawn)
        return task.state
    except LeaseLost:
        _close_attempt(attempt, TaskAttempt.Outcome.STOPPED)
        _settle_if_stopped(task, attempt)
    except Exception as raised:  # noqa: BLE001 - every failure becomes a recorded attempt
        error = behind(raised)
        if isinstance(error, SystemExit):  # its worker has to end: the lease runs out, and it starts again
            raise error from raised
        logger.warning("attempt %s of %s failed", attempt.number, task, exc_info=error)
        record_failure(task, attempt, error)
    task.refresh_from_db()
    return task.state


def compute(task: Task, attempt: TaskAttempt | None, heartbeat: Any) -> StepResult:
    """Run the step on the plan's own inputs, data and seed. Pure but for progress: a replay calls it too."""
    plan = task.plan
    run, _ = steps.resolve(plan.command_key, task.key)
    substitute = attempt is not None and attempt.executor == TaskAttempt.Executor.SUBSTITUTE
    if substitute and task.key in plan.rules.methods:
        run = steps.method(plan.command_key, task.key) or run
    done = plan.tasks.filter(state__in=DONE_STATES).exclude(pk=task.pk)
    if attempt is not None:  # a replay must not see what was finished later
        done = done.filter(finished_at__lte=attempt.started_at)
    earlier = done.filter(position__lt=task.position).exclude(output_var="").exclude(output__isnull=True)
    context = StepContext(
        inputs={name: value for name, value in plan.inputs.items() if name not in GUARDRAIL_INPUTS},
        outputs=steps.OnDemand(lambda: dict(earlier.values_list("output_var", "output"))),
        program=plan.context,
        data=opened.OpenData(
            snapshot_store(),
            plan.datasets,
            plan.context.get("time_zone", "UTC"),
            plan.context.get("currency", ""),
            query_engines(),
            payout_tolerance(plan.context),
        ),
        seed=plan.seed,
        now=plan.created_at,
        progress=heartbeat.progress,
        effect=heartbeat.effect,
        finished=steps.OnDemand(
            lambda: {key: Finished(*rest) for key, *rest in done.values_list("key", *HOW_FINISHED)}
        ),
        observed=heartbeat.observed,
        plan_id=plan.plan_id,
        substitute=substitute,
    )
    return run(context)


def record_success(
    task: Task,
    attempt: TaskAttempt,
    result: StepResult,
    called: Sequence[calls.MadeCall] = (),
    drawn: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Write artifacts, tool calls, the task's output and its successors in one transaction, once."""
    values = stored_values(result)
    with changelog.holding(task.change_chain()):
        now = read_again(task)
        if not is_current(task, attempt, now):
            _keep_late_result(task, attempt, values)
            _settle_if_stopped(task, attempt)
            return
        kept_outputs.keep(task, result.outputs, drawn=drawn)
        calls.keep(task, attempt, called, first=len(result.outputs))
        _, apply = steps.resolve(task.plan.command_key, task.key)
        if apply is not None:
            apply(task.plan, values)
        _close_attempt(attempt, TaskAttempt.Outcome.SUCCEEDED)
        substitute = attempt.executor == TaskAttempt.Executor.SUBSTITUTE
        content.tell_output(task, values)
        perform(
            task,
            "succeed_degraded" if substitute else "succeed",
            comment=f"Done by another method: {attempt.changed}." if substitute else "",
            set_fields={
                "output": values,
                "output_sha256": canonical.digest(values),
                "finished_at": clock.now(),
                "progress": 100,
                "progress_note": "",
                "lease_expires_at": None,
                "error": None,
            },
            is_fresh=True,
        )
        readings.take(task.plan, task, result)


def stored_values(result: StepResult) -> dict[str, Any]:
    """What later tasks and the plan JSON read."""
    return settle(canonical.plain(dict(result.values)))


def _keep_late_result(task: Task, attempt: TaskAttempt, values: Any) -> None:
    """The lease went to somebody else or the cord was pulled: the result is kept and not applied."""
    attempt.late_output = values
    attempt.save(update_fields=["late_output"])
    _close_attempt(attempt, TaskAttempt.Outcome.SUPERSEDED)
    changelog.append(task, "late result kept", field="attempt", after=attempt.fence)


def _settle_if_stopped(task: Task, attempt: TaskAttempt) -> None:
    """Its worker has let go within the grace time of a pull: no need to wait for the end of it."""
    with transaction.atomic():
        changelog.lock_chain(task.change_chain())
        task.refresh_from_db()
        if task.fence == attempt.fence and task.state in AT_WORK_STATES and stopped.is_stopped(task.plan):
            stopped_tasks.settle(task, "The rip-cord was pulled. The worker has stopped.")


def record_failure(task: Task, attempt: TaskAttempt, error: Exception) -> None:
    """Retry, hand to the substitute, or escalate: by the kind of error and what is left."""
    kind = classify(error)
    with changelog.holding(task.change_chain()):
        now = read_again(task)
        if not is_current(task, attempt, now):
            _close_attempt(attempt, TaskAttempt.Outcome.SUPERSEDED, kind, error)
            _settle_if_stopped(task, attempt)
            return
        _close_attempt(attempt, TaskAttempt.Outcome.FAILED, kind, error)
        count_failure(task, attempt, str(error))
        failure = explain(error, kind, attempt, task)
        told = {"error": failure, "lease_expires_at": None, "progress_note": ""}
        message = failure["message"]
        stands_in = bool(task.fallback_agent_id) and not _substitute_had_its_turn(task, attempt)
        if kind == "unclear":
            perform(task, "lose_track", comment=message, set_fields=told)
            _open_case(task, stopped_tasks.EFFECT_UNKNOWN, message)
        elif (
            kind == "transient"
            and attempt.executor == TaskAttempt.Executor.ORIGINAL
            and task.attempts_used < task.attempts_allowed
        ):
            due = clock.now() + timedelta(seconds=backoff(task.attempts_used))
            perform(task, "retry_later", comment=message, set_fields={**told, "next_attempt_at": due})
        elif stands_in and task.key in task.plan.rules.methods:
            perform(task, "hand_to_substitute", comment=message, set_fields=told)
        elif not (stands_in and task.attempts_granted == 0 and substitutes.take_over(task, message, told)):
            _escalate(task, message, told)


def count_failure(task: Task, attempt: TaskAttempt, message: str) -> None:
    """A command may declare "<key of the step>-failed": QA that fails twice is a matter for people."""
    signal = f"{task.key}-failed"
    if task.plan.rules.trigger(signal) is not None:
        period = f"{task.plan.plan_id} {task.task_id} run {attempt.fence}"
        readings.raise_signal(task.plan, task, Signal(signal, message[:1000], period))


def _substitute_had_its_turn(task: Task, attempt: TaskAttempt) -> bool:
    """One turn, also where people grant the original another attempt after it."""
    by_substitute = TaskAttempt.Executor.SUBSTITUTE
    if attempt.executor == by_substitute:
        return True
    return task.attempts_granted > 0 and task.attempts.filter(executor=by_substitute).exists()


def _escalate(task: Task, message: str, told: dict[str, Any]) -> None:
    perform(task, "escalate", comment=message, set_fields=told)
    _open_case(task, "retries-exhausted", message)


def _open_case(task: Task, trigger: str, message: str) -> None:
    ladder.open_case(task.plan, trigger, f"{task}: {message}", task=task, detail=message)


def behind(error: Exception) -> Exception | SystemExit:
    """What a library was interrupted by: DuckDB says "Query interrupted" of a worker that has to end, as
    where the broker is lost, and of a step that takes too long. Otherwise the error itself."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, SystemExit | SoftTimeLimitExceeded):
            return found
        found = found.__cause__ or found.__context__
    return error


def classify(error: Exception) -> str:
    if isinstance(error, EffectUnclear):
        return "unclear"
    if isinstance(error, TRANSIENT) or (
        isinstance(error, OSError) and not isinstance(error, FileNotFoundError)
    ):
        return "transient"
    return "permanent"


def explain(error: Exception, kind: str, attempt: TaskAttempt, task: Task) -> dict[str, Any]:
    """The error in words a person can act on; a stack trace goes to the server's log, not to a page."""
    if isinstance(error, GtmError):
        message, hint = error.detail, error.hint
    elif isinstance(error, SoftTimeLimitExceeded):
        message, hint = "The step ran longer than it may.", "Load less data or raise GTM_TASK_TIME_LIMIT."
    else:
        message = f"The step failed: {type(error).__name__}: {error}"
        hint = "The server's log has the details; tell the maintainer of this command."
    return {
        "kind": kind,
        "message": message[:1000],
        "hint": hint,
        "problems": [p.as_dict() for p in getattr(error, "problems", ())],
        "attempt": f"attempt {attempt.number} of {task.attempts_allowed}",
    }


def backoff(attempts_used: int) -> float:
    """Seconds to wait before the next attempt: 60 × 2ⁿ ± 20 %, at most 15 minutes."""
    jitter = random.uniform(0.8, 1.2)  # noqa: S311 - spreads retries, guards nothing
    return min(FIRST_BACKOFF * 2 ** (attempts_used - 1) * jitter, LONGEST_BACKOFF)


def recover_lost(task: Task) -> None:
    """The lease ran out: the worker is gone. Start again without counting it as an attempt, three times."""
    with transaction.atomic():
        changelog.lock_chain(task.change_chain())
        task.refresh_from_db()
        if task.state not in AT_WORK_STATES:
            return
        if task.lease_expires_at and task.lease_expires_at > clock.now():
            return
        note = "The worker was lost, and its lease ran out."
        if stopped.is_stopped(task.plan):
            stopped_tasks.settle(task, note)
            return
        for attempt in task.attempts.filter(outcome=TaskAttempt.Outcome.RUNNING):
            _close_attempt(attempt, TaskAttempt.Outcome.LOST, "infrastructure", note)
        if task.attempts.filter(fence=task.fence, effect_started_at__isnull=False).exists():
            message = f"{note} An outside effect had begun. Find out whether it happened."
            told = {"kind": "unclear", "message": message}
            perform(task, "lose_track", comment=message, set_fields={"error": told, "lease_expires_at": None})
            _open_case(task, stopped_tasks.EFFECT_UNKNOWN, message)
            return
        if task.restarts >= MAX_RESTARTS:
            told = {
                "kind": "infrastructure",
                "message": f"{note} It was restarted {MAX_RESTARTS} times already.",
            }
            _escalate(task, told["message"], {"error": told, "lease_expires_at": None})
            return
        name = "restart_fallback" if task.state == "fallback_running" else "restart"
        fields = {"restarts": task.restarts + 1, "lease_expires_at": None, "progress_note": ""}
        perform(task, name, comment=note, set_fields=fields)


def _close_attempt(attempt: TaskAttempt, outcome: str, kind: str = "", error: Any = "") -> None:
    """The outcome is set once: what a lost worker still brings does not change that it was lost."""
    told = {"finished_at": clock.now(), "error_class": kind, "error": str(error)[:4000]}
    open_ = {"id": attempt.pk, "outcome": TaskAttempt.Outcome.RUNNING}
    prepared.update(TaskAttempt, open_, {"outcome": outcome, **told})
