"""Which roles commands need: those of their tasks, gates and ladders, and those that they declare beside."""

from __future__ import annotations

from collections.abc import Iterable

from plans.runs import registry
from plans.schemas.declaration import Command
from plans.schemas.roles import RoleDefinition, from_slug


def of_tasks(command: Command) -> set[str]:
    """Who does its tasks, and who covers for them: without these roles no task can be written."""
    return {slug for step in command.steps for slug in (step.agent, step.fallback_agent) if slug}


def of_command(command: Command) -> set[str]:
    """Every role that the declaration names anywhere, by slug."""
    seats = {seat.role for step in command.steps if step.gate for seat in step.gate.seats}
    rungs = {role for rung in command.ladder for role in rung.roles}
    called = {role for trigger in command.triggers for role in trigger.at_once}
    parties = {party.role for party in command.outside_parties}
    declared = {role.slug for role in command.roles}
    return of_tasks(command) | seats | rungs | called | parties | declared


def all_needed(commands: Iterable[Command] | None = None) -> dict[str, RoleDefinition]:
    """Slug → definition of every role that the registered commands (or these) need, by slug."""
    chosen = list(registry.all_commands() if commands is None else commands)
    described = {role.slug: role for command in chosen for role in command.roles}
    slugs = sorted(set().union(*(of_command(command) for command in chosen)))
    return {slug: described.get(slug) or from_slug(slug) for slug in slugs}
