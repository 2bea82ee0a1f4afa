"""The bar of a plan's page: how it stands in words, and the one thing that its reader can do about it now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse

from gtm.core import clock, fsm
from gtm.core.actors import Actor
from plans.drawing.timeline import length
from plans.engine.people.permissions import may_work_on
from plans.engine.people.taken_back import TIME_TO_UNDO
from plans.models import (
    ASKING_STATES,
    AT_WORK_STATES,
    CHANGEABLE_PLAN_STATES,
    FINAL_TASK_STATES,
    UNANSWERED_STATES,
    Escalation,
    Plan,
    Task,
    TaskKind,
)

MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """``text``, when it is ``due``, how long it still computes; ``action`` at ``url`` is the reader's."""

    text: str
    due: datetime | None = None
    seconds: str = ""
    action: str = ""
    url: str = ""


def standing_of(
    plan: Plan,
    tasks: Sequence[Task],
    rounds: Iterable[tuple[Any, str, bool]],
    cases: Iterable[tuple[Escalation, str]],
    actor: Actor,
) -> Standing:
    """``rounds`` with whether the reader may decide them, as the page has them."""
    asking = [(round_, mine) for round_, _, mine in rounds if round_.state in ASKING_STATES]
    people = [task for task in tasks if task.is_with_people]
    computing = [task for task in tasks if task.state in AT_WORK_STATES]
    text, due = _in_words(plan, [round_ for round_, _ in asking], tasks)
    action, url = _action(plan, asking, people, [case for case, _ in cases], actor)
    left = seconds_left(tasks) if computing else 0
    return Standing(text, due, length(timedelta(seconds=left)) if left else "", action, url)


def seconds_left(tasks: Iterable[Task]) -> int:
    """How long the automated work that is not done is expected to take, one task after the other."""
    return sum(
        t.expected_seconds for t in tasks if t.kind == TaskKind.AUTOMATED and t.state not in FINAL_TASK_STATES
    )


def _in_words(plan: Plan, asking: Sequence[Any], tasks: Sequence[Task]) -> tuple[str, datetime | None]:
    people = [task for task in tasks if task.is_with_people]
    computing = [task for task in tasks if task.state in AT_WORK_STATES]
    if plan.state == "changes_requested":
        return "Waits for an answer to the changes that were asked for", None
    if plan.state not in CHANGEABLE_PLAN_STATES and plan.state != "in_review":
        return "", None
    if computing:
        return f"Computes: {_names(task.name for task in computing)}", None
    if asking:
        dues = [round_.due_at for round_ in asking if round_.due_at]
        return f"Waits for {_names(round_.title.lower() for round_ in asking)}", min(dues, default=None)
    if people:
        dues = [task.due_at for task in people if task.due_at]
        who = _names(dict.fromkeys(task.owner.name if task.owner else task.agent.name for task in people))
        return f"Waits for {who}", min(dues, default=None)
    if plan.state == "running" and tasks and all(task.state in FINAL_TASK_STATES for task in tasks):
        last = max((task.finished_at for task in tasks if task.finished_at), default=None)
        if last and clock.now() - last <= TIME_TO_UNDO:
            return (
                "Everything is done. The plan ends when the last completion cannot be undone any more",
                None,
            )
    return "", None


def _names(names: Iterable[str]) -> str:
    found = list(names)
    shown = ", ".join(found[:MOST_NAMES])
    return f"{shown} and {len(found) - MOST_NAMES} more" if len(found) > MOST_NAMES else shown


def _action(
    plan: Plan,
    asking: Sequence[tuple[Any, bool]],
    people: Sequence[Task],
    cases: Sequence[Escalation],
    actor: Actor,
) -> tuple[str, str]:
    """What to press, and where it leads; nothing where nothing waits for the reader."""
    for round_, mine in asking:
        if mine:
            return f"Decide: {round_.title}", reverse("admin:plans_approval_change", args=[round_.pk])
    if plan.state == "changes_requested" and actor.user.has_perm("plans.operate_plan"):
        return "Revise", reverse("admin:plans_plan_revise", args=[plan.pk])
    for task in people:
        if may_work_on(actor, task, {}) is None:
            return f"Do: {task.name}", reverse("admin:plans_task_change", args=[task.pk])
    for case in cases:
        if case.state in UNANSWERED_STATES and _may_acknowledge(case, actor):
            return "Acknowledge", reverse("admin:plans_escalation_change", args=[case.pk])
    if plan.state == "held" and actor.user.has_perm("plans.release_ripcord"):
        return "Release", "#more"
    return "", ""


def _may_acknowledge(case: Escalation, actor: Actor) -> bool:
    return any(a.name == "acknowledge" and a.allowed for a in fsm.actions(case, actor))
