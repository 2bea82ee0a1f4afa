"""What people do with tasks: complete, block, unblock, comment, reassign, and answer an escalated one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from gtm.core import actors, canonical, clock
from gtm.core.errors import GuardNotMet, InvalidInput, NotPermitted, Problem
from gtm.core.evidence import changelog
from gtm.core.fsm import perform
from plans.engine.escalation import ladder
from plans.engine.gates import conflicts
from plans.engine.people import separation, substitutes
from plans.engine.people.permissions import may_work_on, persons_of
from plans.models import ANSWERED_STATES, WITH_PEOPLE, Task, TaskAttempt
from plans.selectors import COMMENTED, PROGRESS
from programs.models import Person


def complete(
    task: Task,
    *,
    result: Mapping[str, Any],
    evidence: Mapping[str, str],
    comment: str = "",
    may_be_undone: bool = False,
) -> Task:
    """Finish a human task, or record a manual result where the engine gave up.

    ``may_be_undone``: a plan that ends with it ends when the time to undo is over. Otherwise it ends at once.
    """
    values = canonical.plain({**result, "evidence": dict(evidence)} if evidence else dict(result))
    with transaction.atomic():
        task.refresh_from_db()
        name = "record_result" if task.state in ANSWERED_STATES else "complete"
        perform(
            task,
            name,
            comment=comment,
            evidence=evidence,
            may_be_undone=may_be_undone and name == "complete",
            set_fields={
                "output": values,
                "output_sha256": canonical.digest(values),
                "finished_at": clock.now(),
                "progress": 100,
            },
        )
        _record_attempt(task, TaskAttempt.Outcome.SUCCEEDED, comment)
        substitutes.record_done(task, persons_of(actors.current().actor.user))
        ladder.settle(task=task, reason=f"{task} was done by hand.")
    return task


def report_blocked(task: Task, *, reason: str) -> Task:
    with transaction.atomic():
        told = {"error": {"kind": "reported", "message": reason, "hint": "", "problems": []}}
        perform(task, "report_blocked", comment=reason, set_fields=told)
        _record_attempt(task, TaskAttempt.Outcome.FAILED, reason)
        ladder.open_case(task.plan, "task-blocked", f"{task}: {reason}", task=task, detail=reason)
    return task


def unblock(task: Task, *, comment: str) -> Task:
    """What blocked a human task is out of the way: it goes on, and its case is settled."""
    with transaction.atomic():
        task.refresh_from_db()
        perform(task, "unblock", comment=comment)
        ladder.settle(task=task, reason=f"{task} is unblocked: {comment}")
    return task


def comment_on(task: Task, *, text: str, evidence: Mapping[str, str]) -> Task:
    """Say something about a task, with evidence; it stands in the change log. Who may see tasks may."""
    if not text.strip():
        raise InvalidInput("Say something.", problems=[Problem("comment", "is required.", code="required")])
    actor = actors.current().actor
    if not actor.is_system and not actor.user.has_perm("plans.view_task"):
        raise NotPermitted("You need the permission to see tasks.")
    with transaction.atomic():
        changelog.append(task, COMMENTED, field="evidence", after=dict(evidence), reason=text.strip())
    return task


def report_progress(task: Task, *, percent: int, note: str = "") -> Task:
    """How far a task of yours is, with what is left; it stands in the change log. Completing is another door.

    Raises InvalidInput for a share outside 0 to 99, NotPermitted for a task of others, GuardNotMet where it
    is not with a person.
    """
    if not 0 <= percent <= 99:
        told = f"{percent} is not from 0 to 99. Complete the task when it is done."
        raise InvalidInput("This cannot be kept.", problems=[Problem("percent", told)])
    if refused := may_work_on(actors.current().actor, task, {}):
        raise NotPermitted(refused)
    with transaction.atomic():
        changelog.lock_chain(task.change_chain())
        task.refresh_from_db()
        if not Task.objects.filter(WITH_PEOPLE, pk=task.pk).exists():
            raise GuardNotMet(f"{task} is {task.get_state_display().lower()}: nobody is at work on it now.")
        before = task.progress
        Task.objects.filter(pk=task.pk).note(progress=percent, progress_note=note[:200])
        changelog.append(
            task,
            PROGRESS,
            field="progress",
            before=before,
            after=percent,
            reason=note.strip() or f"{percent} %",
        )
        task.refresh_from_db()
    return task


def grant_attempt(task: Task, *, comment: str) -> Task:
    with transaction.atomic():
        task.refresh_from_db()
        perform(
            task, "grant_attempt", comment=comment, set_fields={"attempts_granted": task.attempts_granted + 1}
        )
        ladder.settle(task=task, reason=f"One more attempt was granted: {comment}")
    return task


def waive(task: Task, *, comment: str) -> Task:
    with transaction.atomic():
        perform(task, "waive", comment=comment, set_fields={"finished_at": clock.now()})
        ladder.settle(task=task, reason=f"{task} was waived: {comment}")
    return task


def reassign(task: Task, *, owner: Person, comment: str) -> Task:
    """Give the task to somebody else; who may work on it may pass it on."""
    with transaction.atomic():
        changelog.lock_chain(task.change_chain())
        task.refresh_from_db()
        acting = actors.current()
        if refused := may_work_on(acting.actor, task, {}):
            raise NotPermitted(f"Reassign {task}: {refused}")
        refused = conflicts.why_no_owner(task, owner) or separation.takes_from_a_gate(task, owner)
        if refused:
            raise NotPermitted(refused)
        with actors.acting_as(acting.actor, comment or acting.reason, acting.on_behalf_of):
            task.owner, task.covers_for = owner, None
            task.save()
        ladder.settle(task=task, trigger=ladder.UNATTENDED, reason=f"{task} was given to {owner}.")
    return task


def _record_attempt(task: Task, outcome: str, comment: str) -> None:
    user = actors.current().actor.user
    with transaction.atomic():
        last = task.attempts.order_by("-fence").first()
        TaskAttempt.objects.create(
            task=task,
            number=(last.number + 1) if last else 1,
            fence=(last.fence + 1) if last else 1,
            executor=TaskAttempt.Executor.PERSON,
            outcome=outcome,
            user=user,
            finished_at=clock.now(),
            error=comment if outcome == TaskAttempt.Outcome.FAILED else "",
        )
