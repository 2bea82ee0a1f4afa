"""A task read again under its plan's lock, with what a claim or a result depends on: one query."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db.models import F, Func, IntegerField, OuterRef, QuerySet, Subquery

from gtm.core.governed import open_door
from plans.engine.stopping import stopped
from plans.models import RipcordPull, Task

_OF_PLAN = ("version", "state", "held_from", "epoch", "revision", "structure_sha256")
"""What of a plan changes while it runs. The rest changes with a new version of the plan only."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """``epoch`` counts the pulls that ever touched the plan; ``is_stopped``: one of them holds it now."""

    epoch: int
    is_stopped: bool


def read_again(task: Task) -> Circumstances:
    """Bring the task and its plan up to date and say what holds them. Call it with the chain locked."""
    plan = task.plan
    row = _rows().get(pk=task.pk)
    values = dict(zip(_columns(), row, strict=True))
    pulls, open_pulls = values.pop("pulls"), values.pop("open_pulls")
    of_plan = {name: values.pop(f"plan__{name}") for name in _OF_PLAN}
    with open_door():
        task.__dict__.update(values)
        task.plan = plan
        for name in ("agent", "fallback_agent", "owner"):
            cached = task._state.fields_cache.get(name)
            if cached is not None and cached.pk != values[f"{name}_id"]:
                del task._state.fields_cache[name]
        if of_plan["version"] != plan.version:
            plan.refresh_from_db()
        else:
            plan.__dict__.update(of_plan)
    return Circumstances(plan.epoch + pulls, bool(open_pulls) or plan.state == "held")


@cache
def _columns() -> tuple[str, ...]:
    own = tuple(field.attname for field in Task._meta.concrete_fields)
    return (*own, *(f"plan__{name}" for name in _OF_PLAN), "pulls", "open_pulls")


@cache
def _rows() -> QuerySet[Task, tuple[Any, ...]]:
    pulls = stopped.pulls_on(OuterRef("plan__program"))
    counted = {"pulls": _count(pulls), "open_pulls": _count(pulls.filter(state="pulled"))}
    return Task.objects.order_by().annotate(**counted).values_list(*_columns())


def _count(pulls: QuerySet[RipcordPull]) -> Subquery:
    number = Func(F("pk"), function="COUNT", output_field=IntegerField())
    return Subquery(pulls.order_by().annotate(number=number).values("number"))
