"""What a program's current data say to each command: from the commands' declarations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from plans.runs import registry
from plans.schemas.declaration import Command, DataNeed
from programs.command_needs import CommandNeeds, MissingData
from programs.models import Dataset, Program
from programs.selectors import latest_datasets


def of_program(program: Program) -> list[CommandNeeds]:
    """Every command for this kind of program that reads data, and what it lacks."""
    return _of(
        [
            command
            for command in registry.all_commands()
            if command.program_kind == program.kind
            and (command.required_datasets or command.optional_datasets)
        ],
        program,
    )


def of_command(key: str, program: Program) -> CommandNeeds:
    """What the command ``key`` lacks on this program. Raises NotFound where there is no such command."""
    return _of([registry.get(key)], program)[0]


def _of(commands: Sequence[Command], program: Program) -> list[CommandNeeds]:
    kinds = {kind for c in commands for kind in (*c.required_datasets, *c.optional_datasets)}
    current: dict[str, list[Dataset]] = {}
    for dataset in latest_datasets(program, sorted(kinds)):
        current.setdefault(dataset.kind, []).append(dataset)
    return [_needs(command, current) for command in commands]


def _needs(command: Command, current: Mapping[str, Sequence[Dataset]]) -> CommandNeeds:
    declared = {need.kind: need for need in command.data_needs}
    missing: list[MissingData] = []
    for kind in (*command.required_datasets, *command.optional_datasets):
        required = kind in command.required_datasets
        need, datasets = declared.get(kind), current.get(kind, ())
        words = kind.replace("_", " ")
        if not datasets:
            if required or need:
                cost = need.without if need else f"{command.title} cannot run without them."
                missing.append(MissingData(kind, "", f"No current {words}.", cost, required))
            continue
        if len(datasets) > 1 and not command.reads_partners:
            owners = ", ".join(str(dataset.partner or "ourselves") for dataset in datasets)
            what = f"Current {words} of several owners: {owners}."
            cost = f"{command.title} reads the data of one owner only. Load them together."
            missing.append(MissingData(kind, "", what, cost, True))
        if need:
            missing += _gaps(need, datasets)
    title = command.action or command.title
    return CommandNeeds(
        command.path, command.key, title, not any(one.blocks for one in missing), tuple(missing)
    )


def _gaps(need: DataNeed, datasets: Sequence[Dataset]) -> Iterable[MissingData]:
    """What is missing inside the data that are there."""
    words = need.kind.replace("_", " ")
    days = _days(datasets)
    if need.days and days is not None and days < need.days:
        what = f"The {words} cover {days:,} days; {need.days:,} are needed."
        yield MissingData(need.kind, "", what, need.too_short, False)
    for column, cost in need.columns.items():
        if not any(dataset.profile.get(column, {}).get("filled") for dataset in datasets):
            yield MissingData(
                need.kind, column, f"The {words} have no {column.replace('_', ' ')}.", cost, False
            )


def _days(datasets: Sequence[Dataset]) -> int | None:
    """From the first to the last of them, both counted."""
    starts = [dataset.window_start for dataset in datasets if dataset.window_start]
    ends = [dataset.window_end for dataset in datasets if dataset.window_end]
    return (max(ends) - min(starts)).days + 1 if starts and ends else None
