"""The skills of a plan: which procedure its steps follow, and what came of each point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plans.models import Plan, Task, TaskKind
from plans.schemas.skills import PEOPLE, CitedPoint

CHECKED, OPEN, WAIVED, NOTHING = "checked", "open", "waived", "nothing to show"


def skills(plan: Plan, tasks: Sequence[Task]) -> list[dict[str, Any]]:
    """Each procedure that a step cites, with the tasks that cite it and the result of its points.

    A point of a task that this run does not have is left out.
    """
    by_key = {task.key: task for task in tasks}
    return [
        {
            "name": skill.name,
            "version": skill.version,
            "title": skill.title,
            "digest": skill.digest,
            "tasks": [task.task_id for task in tasks if skill.name in task.skills],
            "points": [_point(point, by_key[point.task]) for point in skill.points if point.task in by_key],
        }
        for skill in plan.rules.skills
    ]


def _point(point: CitedPoint, task: Task) -> dict[str, Any]:
    value = _shown(point, task)
    return {
        "key": point.key,
        "checks": point.checks,
        "source": point.source,
        "passage": point.passage,
        "passage_sha256": point.passage_digest,
        "task_id": task.task_id,
        "by": _who(point, task),
        "result": _result(point, task, value),
        "value": value,
        "at": task.finished_at,
    }


def _who(point: CitedPoint, task: Task) -> str:
    """The code that does it; of what people do, who has the task."""
    if task.kind == TaskKind.AUTOMATED:
        return point.code
    return task.owner.name if task.owner else PEOPLE


def _result(point: CitedPoint, task: Task, value: Any) -> str:
    if task.state == "waived":
        return WAIVED
    if not task.is_done:
        return OPEN
    return NOTHING if point.shows and value is None else CHECKED


def _shown(point: CitedPoint, task: Task) -> Any:
    """The value a point leaves, where it is one; of a list or an object, how much it holds."""
    if not point.shows or not isinstance(task.output, Mapping):
        return None
    found: Any = task.output
    for part in point.shows.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return len(found) if isinstance(found, Mapping | list) else found
