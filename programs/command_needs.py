"""What the data say to each command: enough, or what is missing and what that costs.

Programs know no command. Who has commands registers a source here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from programs.models import Program


@dataclass(frozen=True, slots=True)
class MissingData:
    """``what`` is missing and what that ``cost``s, each a sentence; ``blocks`` where the command cannot run.

    ``column`` is "" where the whole kind is missing or too short.
    """

    kind: str
    column: str
    what: str
    cost: str
    blocks: bool


@dataclass(frozen=True, slots=True)
class CommandNeeds:
    """``key`` is the name of the command in addresses."""

    command: str
    key: str
    title: str
    can_run: bool
    missing: tuple[MissingData, ...]


NeedsSource = Callable[[Program], Sequence[CommandNeeds]]
_sources: list[NeedsSource] = []


def register(source: NeedsSource) -> None:
    """``source`` answers, for the commands it knows, what the current data of a program say to each."""
    if source not in _sources:
        _sources.append(source)


def of_program(program: Program) -> list[CommandNeeds]:
    return [needs for source in _sources for needs in source(program)]
