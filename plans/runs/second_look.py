"""The review once more, before anything is given out: what this plan holds, and today's people and data."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from gtm.core import canonical, clock
from plans.models import DEGRADED_STATES, Approval, DecisionKind, Plan, Task
from plans.runs import registry, start
from plans.runs.revise import what_tasks_read
from programs.analytics.dependencies import Dependencies

OWN = ("dependencies", "approvals", "deliverables")
"""Items that the plan's own record answers now; at the start they asked whether it could."""


def look_again(plan: Plan, key: str, deliverables: Collection[str]) -> list[dict[str, Any]]:
    """The items as the task ``key`` finds them, in the form of a review checklist.

    ``deliverables``: keys of the outputs without which nothing goes out.
    """
    before = _before(plan, key)
    items = [_done(before), _approved(plan, before), _made(plan, deliverables)]
    draft = start.prepare(
        registry.get(plan.command_key), plan.inputs, plan.program, plan=plan, kept=what_tasks_read(plan)
    )
    return items + [item for item in draft.checklist if item["key"] not in OWN]


def _before(plan: Plan, key: str) -> list[Task]:
    """The tasks that lead to this one, in their order."""
    tasks = list(plan.tasks.prefetch_related("needs").order_by("position"))
    needs = {task.task_id: [need.task_id for need in task.needs.all()] for task in tasks}
    own = next(task.task_id for task in tasks if task.key == key)
    leading = Dependencies(needs).before(own)
    return [task for task in tasks if task.task_id in leading]


def _done(before: list[Task]) -> dict[str, Any]:
    undone = [str(task) for task in before if not task.is_done]
    otherwise = [f"{task}: {task.get_state_display()}" for task in before if task.state in DEGRADED_STATES]
    if undone:
        return _item("dependencies", "Everything that comes before is done", undone, "Not done: {}.")
    told = f"{len(before)} tasks are done."
    return _item("dependencies", "Everything that comes before is done", [], " ".join([told, *otherwise]))


def _approved(plan: Plan, before: list[Task]) -> dict[str, Any]:
    """Each gate by its last round, with the people whose approval stands."""
    gates = [task for task in before if task.kind == "gate"]
    rounds: dict[int, Approval] = {}
    for approval in plan.approvals.prefetch_related("decisions__person").order_by("round"):
        rounds[approval.task_id] = approval
    told = []
    for task in gates:
        found = rounds.get(task.pk)
        people = _who_approved(found) if found else []
        told.append(f"{task.name}: {', '.join(people) or task.get_state_display().lower()}.")
    missing = [task.name for task in gates if not task.is_done]
    said = " ".join(told) or "No approval comes before it."
    return _item("approvals", "Every approval is given", missing, "Not given: {}." if missing else said)


def _who_approved(approval: Approval) -> list[str]:
    return [
        decision.person.name
        for decision in approval.decisions.all()
        if decision.kind == DecisionKind.APPROVE
        and decision.superseded_at is None
        and not decision.void_reason
    ]


def _made(plan: Plan, deliverables: Collection[str]) -> dict[str, Any]:
    found: Mapping[str, str] = dict(
        plan.artifacts.filter(key__in=deliverables, superseded_at=None).values_list("key", "title")
    )
    missing = sorted(set(deliverables) - found.keys())
    said = "; ".join(found[key] for key in deliverables if key in found)
    return _item("deliverables", "Deliverables are made", missing, "Not made: {}." if missing else f"{said}.")


def _item(key: str, text: str, missing: list[str], evidence: str) -> dict[str, Any]:
    return {
        "key": key,
        "text": text,
        "blocking": True,
        "result": "failed" if missing else "passed",
        "checked_by": "system",
        "at": canonical.rfc3339(clock.now()),
        "evidence": evidence.format(", ".join(missing)) if missing else evidence,
    }
