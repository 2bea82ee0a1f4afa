"""The fields of the orchestrator blueprint, in its own names and types: a reader of that format reads ours.

What is ours stands beside them (``input_refs``, ``kind``, ``status``, parties as nodes) and never for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from plans.models import Plan, Task, TaskAttempt, TaskKind
from plans.schemas.rules import PlanRules
from programs.analytics.dependencies import Dependencies

Needs = Mapping[str, Sequence[str]]
"""Number of each task → numbers of the tasks it waits for, in their order."""
FALLBACK_PLAN = (
    "A retry repeats the step as it is. After the retries another method of the step has one turn, where it "
    "declares one; else the substitute named at the task gets it, with what failed."
)
HOUR = 3600
PARTY = "party:"
"""What the id of an outside party in the dependency graph begins with: no number of a task does."""


def in_order(task_ids: Iterable[str]) -> list[str]:
    return sorted(task_ids, key=_natural)


def _natural(task_id: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in task_id.split("."))


def output_var(task: Task) -> str:
    """The name under which a task's output is known. People's tasks may have none of their own."""
    return task.output_var or task.key.replace("-", "_")


def stages(
    plan: Plan, tasks: Sequence[Task], needs: Needs, attempts: Mapping[str, Sequence[TaskAttempt]]
) -> list[dict[str, Any]]:
    """Stages with their tasks. A stage is parallel where two of its tasks may run at the same time."""
    layers = _layers(tasks, needs)
    names = {task.task_id: output_var(task) for task in tasks}
    found = []
    for stage in plan.rules.stages:
        members = [task for task in tasks if task.stage_id == stage.stage_id]
        if not members:
            continue
        found.append(
            {
                "stage_id": int(stage.stage_id),
                "name": stage.name,
                "execution": "parallel" if _together(layers[stage.stage_id]) else "sequential",
                "merge_gate": stage.merge_gate,
                "tasks": [
                    _task(plan, task, needs[task.task_id], names, attempts.get(task.task_id, ()))
                    for task in members
                ],
            }
        )
    return found


def _task(
    plan: Plan, task: Task, needs: Sequence[str], names: Mapping[str, str], attempts: Sequence[TaskAttempt]
) -> dict[str, Any]:
    read = [f"{names[need]} of task {need}" for need in needs]
    return {
        "task_id": task.task_id,
        "key": task.key,
        "name": task.name,
        "agent": task.agent.slug,
        "purpose": task.purpose or task.name,
        "input": "; ".join(["the inputs of the run", *read]),
        "input_refs": {
            "command": plan.command,
            "from_tasks": list(needs),
            "variables": [names[need] for need in needs],
        },
        "output_var": names[task.task_id],
        "dependencies": list(needs),
        "tools_required": task.tools,
        "kind": task.kind,
        "status": task.state,
        "owner": task.owner.name if task.owner else None,
        "fallback_agent": task.fallback_agent.slug if task.fallback_agent else None,
        "skills": task.skills,
        "due_at": task.due_at,
        "held_because": task.held_because,
        "max_attempts": task.attempts_allowed,
        "attempts": [
            {
                "number": a.number,
                "executor": a.executor,
                "outcome": a.outcome,
                "started_at": a.started_at,
                "finished_at": a.finished_at,
                "seconds": round(a.seconds, 3) if a.seconds is not None else None,
                "error_class": a.error_class,
                "error": a.error,
                "changed": a.changed,
            }
            for a in attempts
        ],
        "gate": task.key if task.kind == TaskKind.GATE else None,
        "output_sha256": task.output_sha256,
        "output": task.output,
        "error": task.error,
    }


def parallelization(plan: Plan, tasks: Sequence[Task], needs: Needs) -> dict[str, Any]:
    """Tasks of one stage of which none leads to another, with all that any of them waits for."""
    layers = _layers(tasks, needs)
    groups = [
        {"tasks": layer, "wait_for": in_order({need for task_id in layer for need in needs[task_id]})}
        for stage in plan.rules.stages
        for layer in _together(layers.get(stage.stage_id, []))
    ]
    return {
        "max_concurrent": max(map(len, _levels(needs)), default=1),
        "parallel_groups": [{"group_id": number, **group} for number, group in enumerate(groups, start=1)],
    }


def _together(layers: Sequence[Sequence[str]]) -> list[list[str]]:
    return [list(layer) for layer in layers if len(layer) > 1]


def _layers(tasks: Sequence[Task], needs: Needs) -> dict[str, list[list[str]]]:
    """Stage → its tasks by how many of the same stage lead to them, one after the other.

    Two tasks of one layer are independent, and where any two of a stage are, one of its layers holds two. No
    task needs one of a later stage, so what leads from one to another of a stage stays in it.
    """
    by_stage: dict[str, list[str]] = {}
    for task in tasks:
        by_stage.setdefault(task.stage_id, []).append(task.task_id)
    found = {}
    for stage_id, members in by_stage.items():
        own = set(members)
        found[stage_id] = _levels({one: [need for need in needs[one] if need in own] for one in members})
    return found


def _levels(needs: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Tasks by the length of the longest way to them. Those of one level may run at the same time."""
    depth: dict[str, int] = {}
    for task_id in Dependencies(needs).order():
        depth[task_id] = 1 + max((depth[need] for need in needs.get(task_id, ())), default=0)
    levels: list[list[str]] = [[] for _ in range(max(depth.values(), default=0))]
    for task_id in needs:
        levels[depth[task_id] - 1].append(task_id)
    return [in_order(level) for level in levels]


def estimated_duration(plan: Plan, tasks: Sequence[Task], needs: Needs) -> str:
    """The longest way through the tasks, ISO 8601: what the engine computes, and the working time that people
    have for their tasks and approvals. Where tasks have days of a timetable, it lasts until the last of them.
    """
    rules = plan.rules
    given = {gate.key: gate.hours for gate in rules.gates}
    longest: dict[str, int] = {}
    by_number = {task.task_id: task for task in tasks}
    for task_id in Dependencies(needs).order():
        task = by_number[task_id]
        hours = given.get(task.key, 0) if task.kind == TaskKind.GATE else rules.due_hours.get(task_id, 0)
        own = task.expected_seconds if task.kind == TaskKind.AUTOMATED else hours * HOUR
        longest[task_id] = own + max((longest[need] for need in needs[task_id]), default=0)
    dated = [t.due_at for t in tasks if t.kind == TaskKind.HUMAN and t.due_at and not rules.due_hours]
    until = max(dated) - plan.created_at if dated else timedelta()
    return _iso(max(int(until.total_seconds()), max(longest.values(), default=0)))


def _iso(seconds: int) -> str:
    hours, rest = divmod(seconds, HOUR)
    minutes, rest = divmod(rest, 60)
    parts = [f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (rest, "S")) if n]
    return "PT" + ("".join(parts) or "0S")


def dependency_graph(plan: Plan, tasks: Sequence[Task], needs: Needs) -> dict[str, Any]:
    """Tasks and the outside parties that the document names, as nodes; what waits for whom, as edges."""
    numbers = {task.key: task.task_id for task in tasks}
    nodes: list[dict[str, Any]] = [{"id": t.task_id, "kind": "task", "name": t.name} for t in tasks]
    edges = [{"from": need, "to": t.task_id, "kind": "precedes"} for t in tasks for need in needs[t.task_id]]
    for party in plan.rules.outside_parties:
        own = PARTY + party.key
        contact = {"role": party.role, "name": party.contact or None} if party.role else None
        nodes.append({"id": own, "kind": "party", "name": party.name, "contact": contact})
        edges += [{"from": own, "to": numbers[key], "kind": "gives"} for key in party.gives if key in numbers]
        edges += [{"from": numbers[key], "to": own, "kind": "takes"} for key in party.takes if key in numbers]
    return {"nodes": nodes, "edges": edges}


def context_passing(plan: Plan) -> dict[str, Any]:
    """This document holds every task's output; the artifacts are had where it says."""
    return {"method": "state-file", "artifacts_location": f"/api/v1/plans/{plan.plan_id}/artifacts/"}


def error_handling(rules: PlanRules) -> dict[str, Any]:
    return {
        "retry_strategy": "immediate",  # the other method of a step is its substitute, after the retries
        "max_retries": rules.max_retries,
        "fallback_plan": FALLBACK_PLAN,
        "escalation": " → ".join("/".join(rung.stands) for rung in rules.ladder),
    }


def success_criteria(rules: PlanRules) -> str:
    return (
        "; ".join(f"{metric.label}: {metric.target}" for metric in rules.success_metrics) or "None is stated."
    )
