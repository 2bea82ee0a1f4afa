"""Rework: the plan becomes revision n + 1 and comes back to its gates, asked for or by a change of its own.

What depends on changed content runs again. An approval whose content turns out untouched, or within
tolerance of what was approved, carries over; any other is superseded and a new round opens.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction

from gtm.core import actors, canonical, clock
from gtm.core.errors import GuardNotMet, InvalidInput, NotPermitted, Problem
from gtm.core.evidence import changelog
from gtm.core.fsm import machine_of, perform
from plans.engine.escalation import clocks, ladder
from plans.engine.gates import rounds, scope, tolerance
from plans.engine.gates.tolerance import Difference
from plans.engine.record import content
from plans.engine.running.leases import CONTENT_DIFFERS
from plans.engine.stopping import stopped as stops
from plans.models import (
    ASKING_STATES,
    DONE_STATES,
    OPEN_APPROVAL_STATES,
    STANDING_STATES,
    Approval,
    Plan,
    Task,
    TaskKind,
)
from plans.schemas.declaration import GUARDRAIL_INPUTS
from plans.selectors import answers_to_changes, changes_asked
from programs.models import Person

PLAN_FIELDS = frozenset({"usage", "amount", "objective", "datasets", "context", "checklist"})


def revise(
    plan: Plan,
    inputs: Mapping[str, Any] | None = None,
    *,
    comment: str,
    redo: Collection[str] = (),
    **fields: Any,
) -> Plan:
    """Answer a request for changes and send the plan back to its gates.

    ``inputs`` are validated values of all inputs, or None where they stay; ``fields`` what follows from
    them (usage, amount, objective, datasets, context, checklist). A task whose step declares what it
    reads runs again where that changed, any other after every change of content. ``redo`` names further
    tasks by key; what depends on them runs again too. Raises WrongState unless changes were requested,
    GuardNotMet without a comment.
    """
    _check_fields(fields)
    with transaction.atomic():
        changelog.lock_chain(plan.change_chain())
        plan.refresh_from_db()
        if stopped := stops.is_stopped(plan):
            raise NotPermitted(stopped)
        moved, written = _edit(plan, inputs, fields)
        with content.telling(plan, comment):
            perform(plan, "revise", comment=comment, set_fields=written)
        with actors.on_their_behalf("Rework"):
            for task in _touched(plan, redo, moved=moved):
                reopen(task, comment)
        perform(plan, "submit", comment=comment)
        _begin_again(plan, comment)
        for approval in clocks.thaw(plan, comment):
            rounds.recheck(approval)
    return plan


def change(
    plan: Plan,
    inputs: Mapping[str, Any] | None = None,
    *,
    comment: str,
    redo: Collection[str] = (),
    **fields: Any,
) -> Plan:
    """Change an approved or running plan, which sends it through review and to its gates again.

    Arguments as of ``revise``. What the gates approve is computed afresh; an approval within tolerance of
    what it approved is kept and the drift logged, any other is superseded and asked again. Open tasks behind
    a gate are suspended until it stands; finished ones stay unless ``redo`` names them or their step declares
    that it reads what changed. Called without an
    edit it brings approvals in line with content that was changed otherwise. Raises GuardNotMet where
    nothing differs or a comment is missing, WrongState unless the plan is approved, running or blocked.
    """
    _check_fields(fields)
    with transaction.atomic():
        changelog.lock_chain(plan.change_chain())
        plan.refresh_from_db()
        if stopped := stops.is_stopped(plan):
            raise NotPermitted(stopped)
        moved, written = _edit(plan, inputs, fields)
        stale = [a for a in plan.approvals.filter(state__in=STANDING_STATES) if scope.drift(a)]
        rebuilt = bool(plan.structure_sha256) and plan.structure_sha256 != scope.structure_digest(plan)
        if not (moved or redo or stale or rebuilt):
            raise GuardNotMet("Nothing differs from what was approved.")
        with content.telling(plan, comment):
            perform(plan, "review_again", comment=comment, set_fields=written)
        behind = _behind_gates(plan)
        moved |= {"structure"} if rebuilt else set()
        again = _touched(plan, redo, moved=moved, gates={a.task_id for a in stale})
        with actors.on_their_behalf("Rework"):
            for task in again:
                stays = task.pk in behind and task.key not in redo and not _reads(task, moved)
                if not stays or task.kind == TaskKind.GATE:
                    reopen(task, comment)
                elif task.state not in DONE_STATES:
                    perform(task, "suspend", comment=comment, set_fields={"held_from": "pending"})
        for task in plan.tasks.filter(escalations__trigger=CONTENT_DIFFERS).distinct():
            ladder.settle(task=task, reason=comment)
        _begin_again(plan, comment)
    return plan


def changes_since(approval: Approval, person: Person) -> list[Difference]:
    """What changed in the scope since this person last decided at the gate, else since the last round."""
    earlier = Approval.objects.filter(task=approval.task, round__lt=approval.round).order_by("-round")
    seen = earlier.filter(decisions__person=person).first() or earlier.first()
    return list(tolerance.differences(seen.scope, approval.scope)) if seen is not None else []


def reasons_of(approval: Approval) -> list[dict[str, Any]]:
    """Why it is decided again: what the round before asked for, and what was said when the plan was changed.

    At, by, text, oldest first; nothing in a first round.
    """
    before = Approval.objects.filter(task=approval.task, round__lt=approval.round).order_by("-round").first()
    if before is None:
        return []
    asked = [
        {"at": canonical.rfc3339(vote.decided_at), "by": str(vote.person), "text": vote.comment}
        for vote in changes_asked(before)
    ]
    return [*asked, *answers_to_changes(approval.plan, before.decided_at or before.created_at)]


def _check_fields(fields: Mapping[str, Any]) -> None:
    if not set(fields) <= PLAN_FIELDS:
        raise ValueError(f"a revision does not write {sorted(set(fields) - PLAN_FIELDS)}")


def _edit(
    plan: Plan, inputs: Mapping[str, Any] | None, fields: Mapping[str, Any]
) -> tuple[set[str], dict[str, Any]]:
    """Which inputs, fields and facts ("context.NAME") move, and what the transition writes."""
    moved = {name for name, value in fields.items() if getattr(plan, name) != value}
    if "context" in moved:
        facts = plan.context, fields["context"]
        moved |= {f"context.{n}" for n in {*facts[0], *facts[1]} if facts[0].get(n) != facts[1].get(n)}
    if inputs is not None:
        sides = plan.inputs, inputs
        names = {*plan.inputs, *inputs} - GUARDRAIL_INPUTS  # what no step reads makes none run again
        moved |= {n for n in names if len({canonical.digest(s.get(n)) for s in sides}) > 1}
    asked = {"inputs": dict(inputs)} if inputs is not None else {}
    return moved, {"revision": plan.revision + 1, **asked, **fields}


def _begin_again(plan: Plan, comment: str) -> None:
    perform(plan, "accept", comment=comment)
    perform(plan, "begin", comment=comment, set_fields={"started_at": plan.started_at or clock.now()})


def _behind_gates(plan: Plan) -> set[int]:
    """Tasks with a gate among what they depend on."""
    found: set[int] = set()
    for task in plan.tasks.prefetch_related("needs").order_by("position"):
        if any(need.kind == TaskKind.GATE or need.pk in found for need in task.needs.all()):
            found.add(task.pk)
    return found


def _touched(
    plan: Plan, redo: Collection[str], *, moved: Collection[str], gates: Collection[int] = ()
) -> list[Task]:
    """The tasks to do again, in order: named ones, the gates that asked, and what depends on the former."""
    tasks = list(plan.tasks.select_related("plan").prefetch_related("needs").order_by("position"))
    if unknown := sorted(set(redo) - {task.key for task in tasks}):
        problems = [Problem("redo", f"“{key}” is not a task of this plan.") for key in unknown]
        raise InvalidInput("There is no task of that name to do again.", problems=problems)
    asking = {a.task_id for a in plan.approvals.filter(state="changes_requested")}
    touched: set[int] = set()
    for task in tasks:
        depends = any(need.pk in touched for need in task.needs.all())
        concerned = _reads(task, moved, undeclared=bool(moved))
        if concerned or depends or task.key in redo or task.pk in gates:
            touched.add(task.pk)
    sources = machine_of(Task).by_name["reopen"].sources
    again = touched | {t.pk for t in tasks if t.pk in asking and t.state == "awaiting_approval"}
    return [task for task in tasks if task.pk in again and task.state in sources]


def _reads(task: Task, moved: Collection[str], *, undeclared: bool = False) -> bool:
    """Whether its step says that it reads something that moved; ``undeclared`` where it says nothing."""
    declared = task.plan.rules.reads.get(task.key)
    return undeclared if declared is None else not set(declared).isdisjoint(moved)


def reopen(task: Task, comment: str, transition: str = "reopen") -> None:
    """It waits again for what it needs. A higher fence: a worker still at it may not write any more."""
    if task.kind == TaskKind.GATE:
        for approval in task.approvals.filter(state__in=OPEN_APPROVAL_STATES - {"frozen"}):
            if approval.state in ASKING_STATES:  # it goes on if nothing moved
                clocks.freeze_round(approval, comment)
            else:
                perform(approval, "cancel", comment=comment, set_fields={"decided_at": clock.now()})
    for artifact in task.artifacts.filter(superseded_at=None):
        artifact.superseded_at = clock.now()
        artifact.save()
    fields = {
        "attempts_used": 0,
        "restarts": 0,
        "attempts_granted": 0,
        "progress": 0,
        "fence": task.fence + 1,
        "error": None,
        "finished_at": None,
        "lease_expires_at": None,
        "next_attempt_at": None,
    }
    perform(task, transition, comment=comment, set_fields=fields)
