"""The registry of commands. It refuses at the door what is not well formed, with every reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from gtm.core.errors import InvalidInput, NotFound, Problem
from plans.engine.running import steps
from plans.models import LADDER, MOST_RUNGS
from plans.runs import patterns
from plans.schemas import skills
from plans.schemas.declaration import Command, Gate, Step, ToolWork, no_objective
from plans.schemas.inputs import nearest
from programs.analytics.dependencies import Dependencies
from programs.datasets import CONTRACTS

LOWEST_LADDER = 3
MOST_REPEATS = 3
ORIGINS = ("program", "campaign", "partner", "dataset")
ALWAYS_ASKED = "must contain one that is always asked; otherwise silence would approve."
LONGEST_NAME = 80  # as long as a plan can keep it
_WORD = re.compile(r"[a-z0-9-]+")
_commands: dict[str, Command] = {}
"""Key ("plugin:name") → command."""


class BadDeclaration(ValueError):
    """A command that must not be registered; ``problems`` and the message list all that is wrong."""

    def __init__(self, path: str, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        super().__init__(f"{path}: " + "; ".join(_line(problem) for problem in self.problems))


def register(command: Command) -> Command:
    """Take a command in. Raises BadDeclaration with everything that is wrong with it."""
    if found := [*faults(command), *_twin_faults(command)]:
        raise BadDeclaration(command.path, found)
    _commands[command.key] = command
    for step in command.steps:
        if step.run:
            steps.register(command.key, step.key, step.run, step.apply, step.compensate)
        if step.instead:
            steps.register_method(command.key, step.key, step.instead)
        if step.brief:
            steps.register_brief(command.key, step.key, step.brief)
        if step.hold:
            steps.register_hold(command.key, step.key, step.hold)
    if command.hold:
        steps.register_hold_of_any(command.key, command.hold)
    return command


def forget(key: str) -> None:
    """Take a command and its steps out again. Its plans stay readable, and nothing more of them runs."""
    del _commands[key]
    steps.forget(key)


def tailor(command: Command, inputs: Mapping[str, Any], facts: Mapping[str, Any]) -> Command:
    """The command as these inputs have it run. Raises InvalidInput with every fault of the stages made."""
    if command.success_metrics_for:
        more = command.success_metrics_for(inputs)
        command = replace(command, success_metrics=(*command.success_metrics, *more))
    if not command.stages_for:
        return patterns.arrange(command, inputs)
    stages = steps.load(command.stages_for)(inputs, facts)
    tailored = patterns.arrange(replace(command, stages=tuple(stages)), inputs)
    known = {step.key for step in command.steps if step.run}
    strange = [s.key for s in tailored.steps if s.run and s.key not in known]
    found = [*map(_line, faults(tailored)), *(f"step {key} computes and is not declared" for key in strange)]
    if found:
        problems = [Problem("tasks", f"{fault.rstrip('.')}.") for fault in found]
        raise InvalidInput(f"The tasks of {command.path} have faults.", problems=problems)
    return tailored


def all_commands() -> list[Command]:
    return sorted(_commands.values(), key=lambda command: command.path)


def find(key: str) -> Command | None:
    """The command of a key, or None: a plan may have outlived the plugin it came from."""
    return _commands.get(key)


def get(asked: str) -> Command:
    """Find a command by its key, or by its name where one plugin alone has it.

    Raises NotFound naming the nearest, or every command of that name where several have it.
    """
    if command := find(asked):
        return command
    same = [command for command in all_commands() if command.name == asked.rpartition(":")[2]]
    if ":" not in asked and len(same) == 1:
        return same[0]
    if ":" not in asked and same:
        candidates = tuple(command.path for command in same)
        problem = Problem(
            "command",
            f"“{asked}” is a command of several plugins; name one of them.",
            candidates,
            code="ambiguous",
        )
        raise NotFound(f"There are {len(same)} commands {asked}.", problems=[problem])
    paths = tuple(command.path for command in all_commands())
    wanted, names = (f"/{asked}", paths) if ":" in asked else (asked, [c.name for c in all_commands()])
    close = same[0].path if same else nearest(wanted, names)
    problem = Problem("command", "is unknown.", paths, close, "unknown")
    raise NotFound(f"There is no command {wanted}.", problems=[problem])


def key_of(asked: str) -> str:
    """The key of a command by key or name; what is asked itself where the registry cannot tell."""
    try:
        return get(asked).key
    except NotFound:
        return asked


def _line(problem: Problem) -> str:
    return f"{problem.field}: {problem.message}"


# ------------------------------------------------------------------ what a declaration must be


def faults(command: Command) -> Iterable[Problem]:
    """Everything wrong with a declaration, each by its path: ``stages.0.steps.1.gate.seats``."""
    yield from _head_faults(command)
    yield from _step_faults(command)
    yield from _skill_faults(command)
    yield from _graph_faults(command)
    yield from _scope_faults(command)
    yield from _ladder_faults(command)
    yield from _strategy_faults(command)
    yield from _trigger_faults(command)
    yield from _input_faults(command)
    yield from _party_faults(command)
    yield from _origin_faults(command)
    yield from _data_faults(command)
    yield from _tool_faults(command)


def _twin_faults(command: Command) -> Iterable[Problem]:
    if command.key in _commands:
        yield Problem("name", f"{command.path} is registered already, and a command has one declaration.")


def _head_faults(command: Command) -> Iterable[Problem]:
    for field in ("plugin", "name"):
        value = getattr(command, field)
        if not _WORD.fullmatch(value) or len(value) > LONGEST_NAME:
            rule = f"must be 1 to {LONGEST_NAME} lower-case letters, digits and hyphens"
            yield Problem(field, f"“{value}” {rule}, because usage lines and addresses contain it.")
    if command.objective is no_objective or not callable(command.objective):
        message = "is missing; it makes the sentence at the top of a plan from its inputs and its program."
        yield Problem("objective", message, code="required")
    if not command.checklist:
        message = "is empty, but every run needs a review; plans.runs.checklist.STANDARD is the common one."
        yield Problem("checklist", message, code="required")
    if command.max_retries < 0:
        yield Problem("max_retries", "max_retries is negative")


def _placed(command: Command) -> Iterable[tuple[str, Step]]:
    """Each step and its path."""
    for at, stage in enumerate(command.stages):
        for position, step in enumerate(stage.steps):
            yield f"stages.{at}.steps.{position}", step


def _step_faults(command: Command) -> Iterable[Problem]:
    for attribute in ("task_id", "key"):
        seen: set[str] = set()
        for at, step in _placed(command):
            value = getattr(step, attribute)
            if value in seen:
                yield Problem(f"{at}.{attribute}", f"{attribute} {value} is used twice")
            seen.add(value)
    for at, stage in enumerate(command.stages):
        if not stage.stage_id.isdecimal():
            message = f"“{stage.stage_id}” is no whole number, by which a plan counts its stages."
            yield Problem(f"stages.{at}.stage_id", message)
    for at, step in _placed(command):
        if step.gate is not None:
            yield from _gate_faults(f"{at}.gate", step, step.gate)
        if bool(step.instead) != bool(step.instead_how) or (step.instead and not step.run):
            message = (
                f"{step.key}: another method stands beside a step that runs, and says what it does otherwise"
            )
            yield Problem(f"{at}.instead", message)
        if step.evidence and (step.run or step.gate):
            yield Problem(f"{at}.evidence", f"{step.key} is not completed by people, who could give evidence")
        if step.brief and step.run:
            yield Problem(f"{at}.brief", f"{step.key} is done by the engine, which needs no brief")


def _skill_faults(command: Command) -> Iterable[Problem]:
    """A step follows procedures that are there, of which a point is its own.

    What a runbook adds to a launch is a person's own task: it may cite a procedure and be none of its points.
    """
    known = skills.every()
    for at, step in _placed(command):
        for name in step.skills:
            if name not in known:
                message = f"{step.key} cites the skill {name}, and there is no such procedure"
                yield Problem(f"{at}.skills", message, tuple(known), nearest(name, known), "unknown")
            elif not command.stages_for and all(
                by.task != step.key for _, by in known[name].points_of(command.key)
            ):
                yield Problem(f"{at}.skills", f"{step.key} cites the skill {name}, which asks nothing of it")
    if not command.stages_for:
        steps = {step.key: step for step in command.steps}
        for name, skill in known.items():
            for point, by in skill.points_of(command.key):
                if by.task not in steps or name not in steps[by.task].skills:
                    message = (
                        f"point {point.key} of the skill {name} is done by {by.task}, which does not cite it"
                    )
                    yield Problem("stages", message)


def _tool_faults(command: Command) -> Iterable[Problem]:
    """A hook says what is done in the place of its tool, and at which step the engine does it."""
    runs = {step.key for step in command.steps if step.run}
    for at, hook in enumerate(command.tool_hooks):
        if hook.work not in ToolWork.EVERY:
            message = f"{hook.tool} is wanted for “{hook.work}”, and no such work is known"
            yield Problem(f"tool_hooks.{at}.work", message, ToolWork.EVERY, code="unknown")
        if hook.step not in runs and not command.stages_for:
            message = f"{hook.tool} is called at “{hook.step}”, which is no step that the engine runs"
            yield Problem(f"tool_hooks.{at}.step", message)


def _gate_faults(at: str, step: Step, gate: Gate) -> Iterable[Problem]:
    if gate.key != step.key:
        yield Problem(f"{at}.key", f"gate {gate.key} is at step {step.key}: the keys must be the same")
    if step.key == LADDER:
        yield Problem(f"{at}.key", f"gate {step.key} has the name by which policies call the ladder")
    if not gate.seats:
        yield Problem(f"{at}.seats", f"gate {step.key} has no seats")
    elif all(seat.condition for seat in gate.seats):
        yield Problem(f"{at}.seats", ALWAYS_ASKED)


def _ladder_faults(command: Command) -> Iterable[Problem]:
    if len(command.ladder) < LOWEST_LADDER:
        yield Problem("ladder", f"a ladder needs three rungs, but this one has {len(command.ladder)}")
    if len(command.ladder) > MOST_RUNGS:
        yield Problem(
            "ladder", (f"a ladder has at most {MOST_RUNGS} rungs, but this one has {len(command.ladder)}")
        )
    if not 0 <= command.ladder_repeats <= MOST_REPEATS:
        yield Problem("ladder_repeats", f"a ladder repeats at most {MOST_REPEATS} times")


def _strategy_faults(command: Command) -> Iterable[Problem]:
    if command.strategy != "diamond":
        return
    if not any(len(stage.steps) > 1 and stage.execution == "parallel" for stage in command.stages):
        yield Problem("strategy", "a diamond needs a stage that runs in parallel")
    if not any(stage.merge_gate for stage in command.stages):
        yield Problem("strategy", "a diamond needs a stage that is a merge gate")


def _trigger_faults(command: Command) -> Iterable[Problem]:
    declared = {trigger.signal for trigger in command.triggers}
    for at, step in _placed(command):
        signal = step.gate.signal_on_changes if step.gate else ""
        if signal and signal not in declared:
            message = f"gate {step.key} raises {signal}, but no trigger declares it"
            yield Problem(f"{at}.gate.signal_on_changes", message)
    for at, trigger in enumerate(command.triggers):
        if bool(trigger.comparator) != bool(trigger.limit) or trigger.breaches < 1:
            message = f"trigger {trigger.signal} needs a comparator with its limit, and at least one breach"
            yield Problem(f"triggers.{at}", message)


def _input_faults(command: Command) -> Iterable[Problem]:
    if len({i.name for i in command.inputs}) != len(command.inputs):
        yield Problem("inputs", "two inputs have one name")
    for role in ("amount_input", "campaign_input", "program_input"):
        named = getattr(command, role)
        if named and command.input(named) is None:
            yield Problem(role, f"{role} names no input: {named}")


def _party_faults(command: Command) -> Iterable[Problem]:
    keys = {step.key for step in command.steps}
    for at, party in enumerate(command.outside_parties):
        if not party.role:
            yield Problem(f"outside_parties.{at}.role", f"nobody speaks for {party.name}")
        if not party.gives and not party.takes:
            yield Problem(f"outside_parties.{at}", f"{party.name} gives nothing to a task and takes nothing")
        for key in {*party.gives, *party.takes} - keys if not command.stages_for else ():
            yield Problem(f"outside_parties.{at}", f"{party.name} has to do with {key}, which is no task")


def _origin_faults(command: Command) -> Iterable[Problem]:
    for at, origin in enumerate(command.starts_from):
        if origin.kind not in ORIGINS:
            message = f"it starts from a {origin.kind}, which has no page to start from"
            yield Problem(f"starts_from.{at}.kind", message)
        for name in origin.fills:
            if not command.input(name):
                yield Problem(f"starts_from.{at}.fills", f"{name} of a {origin.kind} fills no input")
    if command.starts_from and not command.action:
        yield Problem("action", "it starts from pages, but its button has no text")


def _data_faults(command: Command) -> Iterable[Problem]:
    """What is said of missing data is said of data the command reads, and of columns there are."""
    read = {*command.required_datasets, *command.optional_datasets}
    for at, need in enumerate(command.data_needs):
        if need.kind not in read:
            yield Problem(f"data_needs.{at}.kind", f"it does not read {need.kind}")
        elif need.kind in CONTRACTS:
            for column in need.columns.keys() - CONTRACTS[need.kind].by_name.keys():
                yield Problem(f"data_needs.{at}.columns", f"{need.kind} have no column {column}")
        if bool(need.days) != bool(need.too_short):
            yield Problem(f"data_needs.{at}.days", "a number of days needs a text about what fewer cost")


def dependencies(command: Command) -> Dependencies:
    """The tasks and what each needs."""
    return Dependencies({step.task_id: step.needs for step in command.steps})


def _graph_faults(command: Command) -> Iterable[Problem]:
    stage_of = {step.task_id: n for n, stage in enumerate(command.stages) for step in stage.steps}
    for at, step in _placed(command):
        for need in step.needs:
            if need not in stage_of:
                yield Problem(f"{at}.needs", f"{step.task_id} needs {need}, which does not exist")
            elif stage_of[need] > stage_of[step.task_id]:
                yield Problem(f"{at}.needs", f"{step.task_id} needs {need} of a later stage")
    network = dependencies(command)
    circles = network.circles()
    yield from (
        Problem("stages", f"tasks wait for each other in a circle: {', '.join(circle)}") for circle in circles
    )
    if circles:
        return
    for at, stage in enumerate(command.stages):
        if stage.execution == "parallel":
            ids = [step.task_id for step in stage.steps]
            for one in ids:
                for other in set(ids) & network.after(one):
                    message = f"{one} and {other} run in parallel, but one needs the other"
                    yield Problem(f"stages.{at}.execution", message)


def _scope_faults(command: Command) -> Iterable[Problem]:
    network = dependencies(command)
    producer = {step.output_var: step.task_id for step in command.steps if step.output_var}
    inputs = {i.name for i in command.inputs}
    for at, step in _placed(command):
        for name in step.gate.scope if step.gate else ():
            if name in inputs:
                continue
            if name not in producer:
                message = f"gate {step.key} approves {name}, which nothing produces"
                yield Problem(f"{at}.gate.scope", message)
            elif producer[name] not in network.before(step.task_id):
                yield Problem(f"{at}.gate.scope", f"gate {step.key} approves {name} before it is produced")
