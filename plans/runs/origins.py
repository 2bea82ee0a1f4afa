"""Where a run starts: the commands for a program, a campaign, a partner or a dataset, and their inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet

from gtm.core.errors import NotFound
from plans.models import Plan, of_command
from plans.runs import registry, start
from plans.schemas.declaration import Command, Origin
from plans.schemas.inputs import Day
from programs.models import CLOSED_PROGRAM_STATES, Campaign, Dataset, Partner, Program
from programs.selectors import default_program

KINDS: Mapping[str, type[Model]] = {
    "program": Program,
    "campaign": Campaign,
    "partner": Partner,
    "dataset": Dataset,
}


@dataclass(frozen=True, slots=True)
class Filled:
    """A form filled in, and in words where its values are from."""

    program: Program
    given: Mapping[str, Any]
    source: str


def startable(kind: str) -> list[tuple[Command, Origin]]:
    """The commands that start from a page of this kind of object."""
    pairs = [(command, origin) for command in registry.all_commands() for origin in command.starts_from]
    return [(command, origin) for command, origin in pairs if origin.kind == kind]


def usable(command: Command) -> QuerySet[Program]:
    """The programs that the command can run on."""
    return Program.objects.filter(kind=command.program_kind).exclude(state__in=CLOSED_PROGRAM_STATES)


def fitting(command: Command, kind: str) -> Callable[[QuerySet[Any]], QuerySet[Any]]:
    """Narrows objects of a kind to those the command can start from."""
    data = {*command.required_datasets, *command.optional_datasets}

    def narrow(rows: QuerySet[Any]) -> QuerySet[Any]:
        programs = usable(command)
        if kind == "program":
            return rows.filter(pk__in=programs)
        if kind == "campaign":
            return rows.filter(program__in=programs)
        if kind == "partner":
            return rows.filter(programs__in=programs).distinct()
        return rows.filter(program__in=programs, kind__in=data)

    return narrow


def fill(command: Command, kind: str, pk: int) -> Filled:
    """The command's inputs for an object: from it, else as in the last run, else as in the example.

    A day of an example is no suggestion, and neither is the name of its campaign: these come from the program
    or stay empty. Raises NotFound where there is no such object to start from.
    """
    origin = next((o for o in command.starts_from if o.kind == kind), None)
    obj = origin and fitting(command, kind)(KINDS[kind]._default_manager.all()).filter(pk=pk).first()
    if obj is None:
        raise NotFound(f"{command.action or command.title} does not start from this {kind}.")
    program = _program_of(command, kind, obj)
    last = Plan.objects.filter(program=program, **of_command(command.key)).order_by("-created_at").first()
    if last:
        known = [i for i in command.inputs if i.name in last.inputs]
        given = {i.name: i.write(last.inputs[i.name]) for i in known}
        source = f"The values are those of the last run, {last.plan_id}."
    else:
        _, example = start.parse_usage(command.example)
        unfit = {command.program_input, command.campaign_input}
        unfit |= {i.name for i in command.inputs if isinstance(i, Day)}
        given = {name: value for name, value in example.items() if name not in unfit}
        source = "The values are examples. Check each of them."
    if command.campaign_input and not given.get(command.campaign_input):
        newest = Campaign.objects.filter(program=program).order_by("-starts_on", "-pk").first()
        given |= {command.campaign_input: newest.name} if newest else {}
    given |= {name: getattr(obj, attribute) for name, attribute in origin.fills.items()}
    return Filled(program, given, source)


def _program_of(command: Command, kind: str, obj: Any) -> Program:
    if kind == "program":
        return obj
    if kind != "partner":
        return obj.program
    programs = list(usable(command).filter(partners=obj).order_by("pk"))
    chosen = default_program(command.program_kind)
    return chosen if chosen in programs else programs[0]
