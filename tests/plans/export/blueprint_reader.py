"""A typed reader of the orchestrator blueprint, written from its documentation: it knows nothing of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import combinations
from typing import Any, Literal, get_args, get_origin, get_type_hints

Complexity = Literal["simple", "medium", "complex", "very-complex"]
Strategy = Literal["pipeline", "diamond", "fan-out", "iterative", "conditional", "hierarchical"]


@dataclass(frozen=True)
class BlueprintTask:
    task_id: str
    agent: str
    purpose: str
    input: str
    output_var: str
    dependencies: list[str]
    tools_required: list[str]


@dataclass(frozen=True)
class BlueprintStage:
    stage_id: int
    name: str
    execution: Literal["sequential", "parallel"]
    tasks: list[BlueprintTask]


@dataclass(frozen=True)
class ParallelGroup:
    group_id: int
    tasks: list[str]
    wait_for: list[str]


@dataclass(frozen=True)
class Parallelization:
    max_concurrent: int
    parallel_groups: list[ParallelGroup]


@dataclass(frozen=True)
class ContextPassing:
    method: Literal["direct", "file-based", "state-file"]
    artifacts_location: str


@dataclass(frozen=True)
class ErrorHandling:
    retry_strategy: Literal["immediate", "with-modification", "escalation"]
    max_retries: int
    fallback_plan: str
    escalation: str


@dataclass(frozen=True)
class Blueprint:
    plan_id: str
    objective: str
    complexity: Complexity
    strategy: Strategy
    estimated_duration: str
    stages: list[BlueprintStage]
    parallelization: Parallelization
    context_passing: ContextPassing
    error_handling: ErrorHandling
    success_criteria: str
    deliverables: list[str]

    @property
    def tasks(self) -> list[BlueprintTask]:
        return [task for stage in self.stages for task in stage.tasks]

    def reached(self, task_id: str) -> set[str]:
        """All that a task waits for, near and far."""
        needs = {task.task_id: task.dependencies for task in self.tasks}
        found, at_hand = set(), list(needs[task_id])
        while at_hand:
            one = at_hand.pop()
            if one not in found:
                found.add(one)
                at_hand += needs[one]
        return found

    def are_independent(self, one: str, other: str) -> bool:
        return one not in self.reached(other) and other not in self.reached(one)


def read(document: Mapping[str, Any]) -> Blueprint:
    """Fields that the blueprint does not know are left alone; a wrong type or empty text is a TypeError."""
    return _read(document, Blueprint, "blueprint")


def _read(raw: Any, kind: Any, at: str) -> Any:
    if get_origin(kind) is Literal:
        _must(raw in get_args(kind), raw, at)
        return raw
    if get_origin(kind) is list:
        _must(isinstance(raw, list), raw, at)
        return [_read(item, get_args(kind)[0], f"{at}.{n}") for n, item in enumerate(raw)]
    if kind in (str, int):
        _must(type(raw) is kind and raw != "", raw, at)
        return raw
    hints = get_type_hints(kind)
    _must(isinstance(raw, Mapping), raw, at)
    named = {f.name: raw.get(f.name) for f in fields(kind)}
    return kind(**{name: _read(value, hints[name], f"{at}.{name}") for name, value in named.items()})


def _must(holds: bool, raw: Any, at: str) -> None:
    if not holds:
        raise TypeError(f"{at} is {raw!r:.80}")


def untrue(blueprint: Blueprint) -> list[str]:
    """What the graph says otherwise than stages and groups."""
    found = []
    for stage in blueprint.stages:
        pairs = combinations([task.task_id for task in stage.tasks], 2)
        is_wide = any(blueprint.are_independent(*pair) for pair in pairs)
        if is_wide != (stage.execution == "parallel"):
            found.append(f"stage {stage.stage_id} is {stage.execution}")
    for group in blueprint.parallelization.parallel_groups:
        pairs = combinations(group.tasks, 2)
        found += [f"{one} and {two}" for one, two in pairs if not blueprint.are_independent(one, two)]
        members = [task for task in blueprint.tasks if task.task_id in group.tasks]
        waits = {need for task in members for need in task.dependencies}
        if set(group.wait_for) != waits:
            found.append(f"group {group.group_id} waits for {sorted(waits)}")
    widest = max((len(g.tasks) for g in blueprint.parallelization.parallel_groups), default=1)
    if blueprint.parallelization.max_concurrent < widest:
        found.append("max_concurrent")
    return found
