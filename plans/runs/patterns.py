"""The pattern a run chose: one task after the other, or side by side up to a merge gate.

A document allows both; the graph of a plan is what its strategy says, never a word beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from plans.schemas.declaration import HUMAN, Command, Stage, Step
from plans.schemas.inputs import DIAMOND, PATTERN, PIPELINE


def chosen_of(command: Command, inputs: Mapping[str, Any]) -> str:
    """The pattern that a run asks for; "" where it leaves it to the command, or the command offers none."""
    return str(inputs.get(PATTERN.name) or "") if command.input(PATTERN.name) is PATTERN else ""


def arrange(command: Command, inputs: Mapping[str, Any]) -> Command:
    """The command in the pattern that its run chose."""
    chosen = chosen_of(command, inputs)
    if chosen == PIPELINE:
        return _pipeline(command)
    if chosen == DIAMOND and command.strategy != DIAMOND:
        return replace(command, strategy=DIAMOND, strategy_rationale=_why_diamond(command))
    return command


def _pipeline(command: Command) -> Command:
    """Each stage waits for all of the one before. Within it the engine's tasks and gates go in a row;
    what people of one stage do side by side they still do."""
    stages: list[Stage] = []
    barrier: tuple[str, ...] = ()
    for stage in command.stages:
        of_people = all(step.kind == HUMAN for step in stage.steps)
        steps = _in_a_row(stage.steps, barrier, of_people=of_people)
        execution = stage.execution if of_people else "sequential"
        stages.append(replace(stage, steps=steps, execution=execution, merge_gate=False))
        barrier = tuple(step.task_id for step in steps) if of_people else (steps[-1].task_id,)
    names = " → ".join(stage.name for stage in stages)
    told = f"Chosen with --pattern: a pipeline, {names}. Each stage begins when the one before is done."
    return replace(command, stages=tuple(stages), strategy=PIPELINE, strategy_rationale=told)


def _in_a_row(steps: Sequence[Step], barrier: Sequence[str], *, of_people: bool) -> tuple[Step, ...]:
    found: list[Step] = []
    for step in steps:
        before = [found[-1].task_id] if found and not of_people else barrier
        found.append(replace(step, needs=tuple(dict.fromkeys((*step.needs, *before)))))
    return tuple(found)


def _why_diamond(command: Command) -> str:
    wide = [stage.name for stage in command.stages if stage.execution == "parallel" and len(stage.steps) > 1]
    gates = [stage.name for stage in command.stages if stage.merge_gate]
    return (
        f"Chosen with --pattern: a diamond. The tasks of {', '.join(wide)} run side by side and meet at the "
        f"merge gate, {', '.join(gates)}."
    )
