"""A task completed by mistake: undone within a minute by whoever completed it, or reopened with a reason.

An undo takes back what the completion opened, as long as nobody and nothing has used it. A reopening is a
change of the plan: what depends on the task is done again, and its gates are asked again where content moved.

Functions that the transition tables name answer None or the reason for no, as those of ``permissions`` do.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from gtm.core import actors, clock
from gtm.core.actors import Actor
from gtm.core.evidence import changelog
from gtm.core.fsm import Change, machine_of, perform
from plans.engine.gates import rework, scope
from plans.engine.people.permissions import may_work_on, persons_of
from plans.engine.running import steps
from plans.models import (
    ANSWERED_STATES,
    AT_WORK_PLAN_STATES,
    CHANGEABLE_PLAN_STATES,
    DONE_STATES,
    FINAL_PLAN_STATES,
    UNOPENED_STATES,
    Decision,
    Task,
    TaskAttempt,
    TaskKind,
)

Params = Mapping[str, Any]

TIME_TO_UNDO = timedelta(minutes=1)
ENDED = "The plan has ended. Start a new run for what has changed."


# ------------------------------------------------------------------ verbs


def undo(task: Task, *, comment: str = "") -> Task:
    """Take a completion of one's own back: the task is with its people again, as before.

    Raises NotPermitted for somebody else's, GuardNotMet after a minute or where something has used it.
    """
    cleared = {"output": None, "output_sha256": "", "finished_at": None, "progress": 0}
    with transaction.atomic():
        changelog.lock_chain(task.change_chain())
        task.refresh_from_db()
        perform(task, "undo", comment=comment, set_fields=cleared, completed_at=task.finished_at)
    return task


def reopen(task: Task, *, comment: str) -> Task:
    """Do a task of people again. The plan becomes its next revision and comes back to the gates behind it.

    What is done behind a gate stays, as with every change of a plan. Raises WrongState where the task is not
    done, NotPermitted for a task of others, GuardNotMet without a reason or where the plan cannot change.
    """
    with transaction.atomic():
        changelog.lock_chain(task.change_chain())
        task.refresh_from_db()
        rework.reopen(task, comment, "do_again")
        with actors.on_their_behalf("Rework"):
            rework.change(task.plan, comment=comment, redo={task.key})
        task.refresh_from_db()
    return task


def ends_plan(task: Task) -> bool:
    """Whether nothing else is left of the plan: with this task it ends, and then nothing is undone.

    Where it was completed on a page, the plan ends when the time to undo is over (``running.sweep``).
    """
    if task.is_done:
        return False
    others = task.plan.tasks.exclude(pk=task.pk)
    return not others.exclude(state__in=machine_of(Task).final | DONE_STATES).exists()


def can_be_undone(task: Task) -> bool:
    """Whether a completion just made can be undone: the plan goes on, and nothing has used it."""
    task.plan.refresh_from_db(fields=["state"])
    return task.is_done and is_just_done(task, {}) is None and nothing_used_it(task, {}) is None


# ------------------------------------------------------------------ who and when


def may_undo(actor: Actor, task: Task, params: Params) -> str | None:
    """Whoever completed it, by any of their accounts."""
    last = _last_by_hand(task)
    if last is None or actor.is_system:
        return "Only a completion by a person can be undone, by that person."
    theirs = {person.pk for person in persons_of(last.user)}
    if last.user_id == actor.user_id or theirs & {person.pk for person in persons_of(actor.user)}:
        return None
    return "Only the person who completed it can undo this."


def may_reopen(actor: Actor, task: Task, params: Params) -> str | None:
    """Whoever may work on the task, never the engine by itself."""
    if actor.is_system:
        return "Only people reopen what people have done."
    return may_work_on(actor, task, params)


def was_done_by_hand(task: Task, params: Params) -> str | None:
    """A person has completed it, or written its result."""
    if task.kind == TaskKind.HUMAN or task.state == "succeeded_manual":
        return None
    return "The engine did this task. To do it again, change the inputs of the plan."


def is_just_done(task: Task, params: Params) -> str | None:
    """Not more than a minute has passed."""
    if task.finished_at is not None and clock.now() - task.finished_at <= TIME_TO_UNDO:
        return None
    return "A completion can be undone for one minute. Reopen the task instead, and say why."


def plan_can_change(task: Task, params: Params) -> str | None:
    """The plan may go through its review again."""
    if task.plan.state in CHANGEABLE_PLAN_STATES:
        return None
    if task.plan.state in FINAL_PLAN_STATES:
        return ENDED
    return f"The plan is {task.plan.get_state_display().lower()}. Only a running plan can be changed."


def nothing_used_it(task: Task, params: Params) -> str | None:
    """Nobody has decided or worked on the result, and nothing of it has left the installation."""
    plan = task.plan
    if plan.state in FINAL_PLAN_STATES:
        return ENDED
    if plan.state not in AT_WORK_PLAN_STATES | {"paused"}:
        return f"The plan is {plan.get_state_display().lower()}."
    if task.finished_at is None:
        return None  # it is not done: the table refuses that
    opened = _opened_since(task, task.finished_at)
    reasons = (_how_used(later, task) for later in opened)
    used = [reason for reason in reasons if reason]
    votes = Decision.objects.filter(approval__task__in=opened, decided_at__gte=task.finished_at)
    used += [f"{vote.person} has decided at {vote.approval.title}." for vote in
             votes.select_related("person", "approval").order_by("pk")[:1]]  # fmt: skip
    outside = TaskAttempt.objects.filter(task__in=opened, effect_started_at__gte=task.finished_at)
    used += [f"{attempt.task} has had an effect outside." for attempt in
             outside.select_related("task").order_by("pk")[:1]]  # fmt: skip
    return " ".join(used) or None


def _how_used(later: Task, task: Task) -> str:
    if later.kind == TaskKind.HUMAN and later.is_done:
        return f"{later} was done after it."
    if later.state in ANSWERED_STATES:
        return f"{later} has failed after it, and people look at that now."
    if later.is_done and steps.publishes(task.plan.command_key, later.key):
        return f"{later} has published its result."
    return ""


# ------------------------------------------------------------------ effect


def close_what_opened(task: Task, change: Change) -> None:
    """What the completion opened waits for it again: results are put aside, rounds stand still."""
    for later in _opened_since(task, change.params["completed_at"]):
        rework.reopen(later, f"{task} is not done after all.")


def _opened_since(task: Task, completed_at: datetime) -> list[Task]:
    """Tasks after it that have begun, or were done, since then; in the order of the plan."""
    needs = scope.needs_of(task.plan)
    rows = task.plan.tasks.exclude(state__in=UNOPENED_STATES | machine_of(Task).final).order_by("position")
    since = Q(finished_at=None) | Q(finished_at__gte=completed_at)
    after = [row for row in rows.filter(since) if task.pk in scope.all_before(row.pk, needs)]
    for row in after:
        row.plan = task.plan
    return after


def _last_by_hand(task: Task) -> TaskAttempt | None:
    done = task.attempts.filter(executor=TaskAttempt.Executor.PERSON, outcome=TaskAttempt.Outcome.SUCCEEDED)
    return done.select_related("user").order_by("-fence").first()
