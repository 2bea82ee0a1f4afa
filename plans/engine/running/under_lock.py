"""A task read again under its plan's lock, with what a claim or a result depends on: one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, Func, IntegerField, OuterRef, QuerySet, Subquery

from gtm.core.governed import open_door
from gtm.core.models import ChangeLogEntry
from gtm.core.prepared import PreparedRead, attnames
from plans.engine.gates import scope
from plans.engine.stopping import stopped
from plans.models import DONE_STATES, UNOPENED_STATES, Plan, RipcordPull, Task

_TASK, _PLAN = attnames(Task), attnames(Plan)
_OF_PLAN = ("version", "state", "held_from", "epoch", "revision", "structure_sha256")
"""What of a plan changes while it runs. The rest changes with a new version of the plan only."""
_LINKS = ("agent", "fallback_agent", "owner", "covers_for")


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What holds a task.

    ``epoch`` counts the pulls that ever touched the plan; ``is_stopped``: one of them holds it now;
    ``has_moved``: the structure around the task is not as this process knows it.
    """

    epoch: int
    is_stopped: bool
    has_moved: bool


def read_task(task_pk: int) -> Task:
    """The task with its plan. Raises Task.DoesNotExist."""
    rows = _BOTH.rows(pk=task_pk)
    if not rows:
        raise Task.DoesNotExist(f"There is no task {task_pk}.")
    task = _made(Task, rows[0][: len(_TASK)])
    task.plan = _made(Plan, rows[0][len(_TASK) :])
    return task


def read_again(task: Task) -> Circumstances:
    """Bring the task and its plan up to date and say what holds them. Call it with the chain locked."""
    plan = task.plan
    known = scope.known_structure(plan)
    since = known.sequence if known is not None else 0
    rows = _AGAIN.rows(pk=task.pk, chain=plan.change_chain(), since=since)
    if not rows:
        raise Task.DoesNotExist(f"There is no task {task.pk} any more.")
    *columns, edges, pulls, open_pulls, has_moved = rows[0]
    values = dict(zip(_TASK, columns[: len(_TASK)], strict=True))
    of_plan = dict(zip(_OF_PLAN, columns[len(_TASK) :], strict=True))
    with open_door():
        task.__dict__.update(values)
        for name in _LINKS:
            link = task._state.fields_cache.get(name)
            if link is not None and link.pk != values[f"{name}_id"]:
                del task._state.fields_cache[name]
    if of_plan["version"] != plan.version:
        plan.refresh_from_db()
    else:
        plan.__dict__.update(of_plan)
    holds = known is not None and not has_moved and known.holds_for(task, edges)
    if known is not None and not holds:
        scope.forget_structure(plan)
    return Circumstances(plan.epoch + pulls, bool(open_pulls) or plan.state == "held", not holds)


def opens_after(task: Task) -> list[Task]:
    """The successors that wait for nothing else and have not begun, in the order of the plan."""
    found = [_made(Task, row) for row in _SUCCESSORS.rows(pk=task.pk)]
    for successor in found:
        successor.plan = task.plan
    return found


def _made(model: type[Any], row: Sequence[Any]) -> Any:
    with open_door():
        return model.from_db(transaction.get_connection().alias, attnames(model), row)


def _count(rows: QuerySet[Any]) -> Subquery:
    number = Func(F("pk"), function="COUNT", output_field=IntegerField())
    return Subquery(rows.order_by().annotate(number=number).values("number"))


def _again(pk: int, chain: str, since: int) -> QuerySet[Any]:
    pulls: QuerySet[RipcordPull] = stopped.pulls_on(OuterRef("plan__program"))
    moved = ChangeLogEntry.objects.filter(
        chain=chain, sequence__gt=since, entity=Task._meta.label_lower, event__in=scope.MOVES
    )
    rows = Task.objects.order_by().annotate(
        edges=_count(Task.needs.through.objects.filter(from_task=OuterRef("pk"))),
        pulls=_count(pulls),
        open_pulls=_count(pulls.filter(state="pulled")),
        has_moved=Exists(moved),
    )
    of_plan = [f"plan__{name}" for name in _OF_PLAN]
    return rows.values_list(*_TASK, *of_plan, "edges", "pulls", "open_pulls", "has_moved").filter(pk=pk)


def _successors(pk: int) -> QuerySet[Any]:
    waiting = Task.objects.filter(successors=OuterRef("pk")).exclude(state__in=sorted(DONE_STATES))
    rows = Task.objects.filter(~Exists(waiting), needs=pk, state__in=sorted(UNOPENED_STATES))
    return rows.order_by("position").values_list(*_TASK)


_BOTH = PreparedRead(
    lambda pk: (
        Task.objects.order_by().filter(pk=pk).values_list(*_TASK, *(f"plan__{name}" for name in _PLAN))
    ),
    pk=900_000_901,
)
_AGAIN = PreparedRead(_again, pk=900_000_901, chain="a chain", since=900_000_902)
_SUCCESSORS = PreparedRead(_successors, pk=900_000_901)
