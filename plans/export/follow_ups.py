"""Backlog items of a plan that became plans of their own, in its plan JSON."""

from __future__ import annotations

from typing import Any

from plans.models import Plan
from plans.selectors import follow_ups_of


def follow_ups(plan: Plan) -> list[dict[str, Any]]:
    """The plans that backlog items of this one became."""
    return [
        {
            "item": row.inputs["item"],
            "plan_id": row.plan_id,
            "status": row.state,
            "owner": task.owner.name if task.owner else None,
            "due_at": task.due_at,
            "created_at": row.created_at,
        }
        for row in follow_ups_of(plan)
        for task in row.tasks.all()
    ]
