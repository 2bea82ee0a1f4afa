"""The review checklist once more, by the plan's own record and today's people and data, before it goes out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any

from plans.engine.running.steps import PermanentError, StepContext
from plans.models import Plan
from plans.runs.second_look import look_again
from plans.schemas.outputs import Column, StepResult, Table

TOLD = ("key", "text", "blocking", "result", "evidence")


def review_again(context: StepContext, key: str, deliverables: Collection[str]) -> StepResult:
    """Values: ``review`` (key, result), ``observed`` for a replay. Raises PermanentError naming what is open.

    ``key`` is the task's own, ``deliverables`` are the outputs without which nothing goes out.
    """
    seen = context.observed or {"checklist": _look(context.plan_id, key, deliverables)}
    items: Sequence[Mapping[str, Any]] = seen["checklist"]
    if open_items := [item for item in items if item["blocking"] and item["result"] != "passed"]:
        told = " ".join(f"{item['text']}: {item['evidence']}" for item in open_items)
        raise PermanentError(
            f"The review checklist is open again: {told}",
            hint="Settle what it names, or record by hand why it may go out.",
        )
    columns = (Column("text", "Item"), Column("result", "Result"), Column("evidence", "Evidence"))
    rows = [[item[column.key] for column in columns] for item in items]
    return StepResult(
        values={
            "review": [{"key": item["key"], "result": item["result"]} for item in items],
            "observed": seen,
        },
        outputs=[Table("second_review", "Review checklist, run again", columns, rows)],
    )


def reviewed_first(
    key: str, deliverables: Collection[str], step: Callable[[StepContext], StepResult]
) -> Callable[[StepContext], StepResult]:
    """The step ``key``, done only when the review passes; its result tells of the review, too."""

    @wraps(step)  # it is the command's step still, by name and place
    def run(context: StepContext) -> StepResult:
        review = review_again(context, key, deliverables)
        made = step(context)
        return replace(
            made, values={**made.values, **review.values}, outputs=[*made.outputs, *review.outputs]
        )

    return run


def _look(plan_id: str, key: str, deliverables: Collection[str]) -> list[dict[str, Any]]:
    """Nothing where no plan is behind the context, as in a comparison of figures."""
    if not plan_id:
        return []
    plan = Plan.objects.select_related("program").get(plan_id=plan_id)
    return [{name: item[name] for name in TOLD} for item in look_again(plan, key, deliverables)]
