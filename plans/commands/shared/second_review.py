"""The review checklist once more, by today's people and data, before anything is given out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plans.engine.running.steps import PermanentError, StepContext
from plans.runs import registry, start
from plans.schemas.outputs import Column, StepResult, Table

TOLD = ("key", "text", "blocking", "result", "evidence", "at")


def review_again(context: StepContext, command: str) -> StepResult:
    """Values: ``items`` (key, result), ``observed`` for a replay. Raises PermanentError naming what is open."""
    seen = context.observed or {"checklist": _look(context, command)}
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
            "items": [{"key": item["key"], "result": item["result"]} for item in items],
            "observed": seen,
        },
        outputs=[Table("second_review", "Review checklist, run again", columns, rows)],
    )


def _look(context: StepContext, command: str) -> list[dict[str, Any]]:
    """What the checklist says today of the same run."""
    draft = start.draft(registry.get(command), dict(context.inputs), context.program["slug"])
    return [{name: item[name] for name in TOLD} for item in draft.checklist]
