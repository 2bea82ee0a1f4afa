"""The registry of commands. It refuses at the door what is not well formed, with every reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from gtm.core.errors import InvalidInput, NotFound, Problem
from plans.engine.running import steps
from plans.models import LADDER, MOST_RUNGS
from plans.schemas.declaration import GATE, Command
from plans.schemas.dependencies import Dependencies
from plans.schemas.inputs import nearest

LOWEST_LADDER = 3
MOST_REPEATS = 3
ORIGINS = ("program", "campaign", "partner", "dataset")
_commands: dict[str, Command] = {}


class BadDeclaration(ValueError):
    """A command that must not be registered; the message lists all that is wrong."""


def register(command: Command) -> Command:
    if found := list(faults(command)):
        raise BadDeclaration(f"{command.path}: " + "; ".join(found))
    _commands[command.name] = command
    for step in command.steps:
        if step.run:
            steps.register(command.name, step.key, step.run, step.apply, step.compensate)
        if step.hold:
            steps.register_hold(command.name, step.key, step.hold)
    return command


def tailor(command: Command, inputs: Mapping[str, Any], facts: Mapping[str, Any]) -> Command:
    """The command as these inputs have it run. Raises InvalidInput with every fault of the stages made."""
    if not command.stages_for:
        return command
    stages = steps.load(command.stages_for)(inputs, facts)
    tailored = replace(command, stages=tuple(stages))
    known = {step.key for step in command.steps if step.run}
    strange = [s.key for s in tailored.steps if s.run and s.key not in known]
    found = [*faults(tailored), *(f"step {key} computes and is not declared" for key in strange)]
    if found:
        problems = [Problem("tasks", f"{fault}.") for fault in found]
        raise InvalidInput(f"The tasks of {command.path} are not well formed.", problems=problems)
    return tailored


def all_commands() -> list[Command]:
    return sorted(_commands.values(), key=lambda command: command.path)


def find(name: str, plugin: str = "") -> Command | None:
    """The command, or None: a plan may have outlived the plugin it came from."""
    command = _commands.get(name)
    return command if command and plugin in ("", command.plugin) else None


def get(name: str, plugin: str = "") -> Command:
    """Find a command by name, or by plugin and name. Raises NotFound naming the nearest."""
    command = find(name, plugin)
    if command is None:
        paths = [c.path for c in all_commands()]
        asked = f"/{plugin}:{name}" if plugin else name
        close = next((c.path for c in all_commands() if c.name == name), "") or nearest(
            asked, paths if plugin else list(_commands)
        )
        raise NotFound(
            f"There is no command {asked}.",
            problems=[Problem("command", "is unknown.", tuple(paths), close, "unknown")],
        )
    return command


def faults(command: Command) -> Iterable[str]:
    """Everything wrong with a declaration, a sentence each."""
    yield from _number_faults(command)
    yield from _graph_faults(command)
    yield from _variable_faults(command)
    if len(command.ladder) < LOWEST_LADDER:
        yield f"a ladder has three rungs, this one {len(command.ladder)}"
    if len(command.ladder) > MOST_RUNGS:
        yield f"a ladder has at most {MOST_RUNGS} rungs, this one {len(command.ladder)}"
    if not 0 <= command.ladder_repeats <= MOST_REPEATS:
        yield f"a ladder repeats at most {MOST_REPEATS} times"
    if command.max_retries < 0:
        yield "max_retries is negative"
    if command.strategy == "diamond":
        if not any(len(stage.steps) > 1 and stage.execution == "parallel" for stage in command.stages):
            yield "a diamond fans out, no stage runs in parallel"
        if not any(stage.merge_gate for stage in command.stages):
            yield "a diamond has a merge gate, no stage is one"
    declared = {trigger.signal for trigger in command.triggers}
    for step in command.steps:
        if step.gate and step.gate.signal_on_changes and step.gate.signal_on_changes not in declared:
            yield f"gate {step.key} raises {step.gate.signal_on_changes}, which no trigger declares"
    for trigger in command.triggers:
        if bool(trigger.comparator) != bool(trigger.limit) or trigger.breaches < 1:
            yield f"trigger {trigger.signal} needs a comparator with its limit, and at least one breach"
    if len({i.name for i in command.inputs}) != len(command.inputs):
        yield "two inputs have one name"
    for role in ("amount_input", "campaign_input", "program_input"):
        named = getattr(command, role)
        if named and command.input(named) is None:
            yield f"{role} names no input: {named}"
    for origin in command.starts_from:
        if origin.kind not in ORIGINS:
            yield f"it starts from a {origin.kind}, which has no page to start from"
        yield from (
            f"{name} of a {origin.kind} fills no input" for name in origin.fills if not command.input(name)
        )
    if command.starts_from and not command.action:
        yield "it starts from pages and its button says nothing"


def _number_faults(command: Command) -> Iterable[str]:
    for attribute in ("task_id", "key"):
        values = [getattr(step, attribute) for step in command.steps]
        yield from (
            f"{attribute} {value} is used twice" for value in sorted(set(values)) if values.count(value) > 1
        )
    for stage in command.stages:
        for step in stage.steps:
            if step.gate is not None and step.gate.key != step.key:
                yield f"gate {step.gate.key} stands at step {step.key}: the keys must agree"
            if step.gate is not None and step.key == LADDER:
                yield f"gate {step.key} has the name by which policies call the ladder"
            if step.kind == GATE and not step.gate.seats:
                yield f"gate {step.key} has no seats"


def dependencies(command: Command) -> Dependencies:
    """The tasks and what each needs."""
    return Dependencies({step.task_id: step.needs for step in command.steps})


def _graph_faults(command: Command) -> Iterable[str]:
    stage_of = {step.task_id: n for n, stage in enumerate(command.stages) for step in stage.steps}
    for step in command.steps:
        for need in step.needs:
            if need not in stage_of:
                yield f"{step.task_id} needs {need}, which does not exist"
            elif stage_of[need] > stage_of[step.task_id]:
                yield f"{step.task_id} needs {need} of a later stage"
    network = dependencies(command)
    if circle := network.circle():
        yield f"the tasks form a circle: {' → '.join(circle)}"
        return
    for stage in command.stages:
        if stage.execution == "parallel":
            ids = [step.task_id for step in stage.steps]
            for one in ids:
                for other in set(ids) & network.after(one):
                    yield f"{one} and {other} run in parallel, but one needs the other"


def _variable_faults(command: Command) -> Iterable[str]:
    network = dependencies(command)
    producer = {step.output_var: step.task_id for step in command.steps if step.output_var}
    inputs = {i.name for i in command.inputs}
    for step in command.steps:
        for name in step.gate.scope if step.gate else ():
            if name in inputs:
                continue
            if name not in producer:
                yield f"gate {step.key} approves {name}, which nothing produces"
            elif producer[name] not in network.before(step.task_id):
                yield f"gate {step.key} approves {name} before it is produced"
