"""Setting up a program in five steps: where each stands, who is entered, and a budget that the data can use.

The state of the steps is that of the program itself, so nothing else is kept: whoever comes back goes on.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.models import Group
from django.db import transaction

from gtm.core import actors, clock
from gtm.core.errors import InvalidInput, NotFound, Problem, WaitsForSecondPerson
from gtm.core.places import world
from plans.runs import data_needs, needed_roles, registry
from plans.schemas.declaration import Command
from plans.schemas.inputs import Amount, Day, Input, Known
from plans.schemas.roles import RoleDefinition
from plans.standard import establishing, first_records
from plans.standard.establishing import FirstPassword
from plans.standard.first_records import LackingRecord
from programs.models import Approver, Person, Program, Role
from programs.selectors import latest_datasets
from programs.series import snapshot_of, snapshot_store, summary_of

STEPS = ("name", "data", "money", "people", "run")
TITLES = {
    "name": "Name and place",
    "data": "Files",
    "money": "Money",
    "people": "Who decides",
    "run": "First run",
}
FIRST_DAY_AFTER, MIDDLE_OF_WEEK = timedelta(weeks=8), 2
"""A launch that is set up today has time for its runbook; a Wednesday is seldom a holiday."""
POOL_SHARE = Decimal("0.02")
"""A reward pool to begin with: this share of the yearly revenue in the data. Finance decides about it."""
QUARTERS = 4
YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class StepState:
    """A step of the rail. ``open``: what is still to be done in it, a sentence each."""

    key: str
    title: str
    number: int
    open: tuple[str, ...]

    @property
    def is_done(self) -> bool:
        return not self.open


@dataclass(frozen=True, slots=True)
class NeededRole:
    """A role of the program's commands, who holds it, and why a holder's limit does not reach here."""

    definition: RoleDefinition
    holders: tuple[Approver, ...] = ()
    wrong_limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EnteredHolder:
    """Who is to hold a role, as somebody has entered it."""

    role: str
    name: str
    email: str
    limit: Decimal | None = None


@dataclass(slots=True)
class EnteredPeople:
    """What became of it: accounts that were made, and the gains that wait for a second person."""

    passwords: list[FirstPassword] = field(default_factory=list)
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class FirstRun:
    """A command that could be run first: ``line`` is its usage line, filled in.

    ``missing`` are the data that it lacks, ``lacks`` the records.
    """

    command: Command
    line: str
    budget: str
    missing: tuple[str, ...]
    lacks: tuple[LackingRecord, ...] = ()


# ------------------------------------------------------------------ where it stands


def commands_of(program: Program) -> list[Command]:
    return [command for command in registry.all_commands() if command.program_kind == program.kind]


def rail(program: Program | None) -> list[StepState]:
    """The five steps, each with what is open in it."""
    checks: dict[str, Callable[[Program], Iterable[str]]] = {
        "name": _open_place,
        "data": _open_data,
        "money": _open_money,
        "people": _open_people,
        "run": _open_run,
    }
    found = []
    for number, key in enumerate(STEPS, start=1):
        first = ("Enter name, kind and country.",) if key == "name" else ("Begin with the first step.",)
        still = tuple(checks[key](program)) if program is not None else first
        found.append(StepState(key, TITLES[key], number, still))
    return found


def _open_place(program: Program) -> Iterable[str]:
    yield from filter(None, (
        world.wrong_currency(program.currency), world.wrong_country(program.country),
        world.wrong_zone(program.time_zone),
    ))  # fmt: skip


def _open_data(program: Program) -> Iterable[str]:
    needs = data_needs.of_program(program)
    runs_without = len(commands_of(program)) > len(needs)  # a launch reads no data
    if needs and not runs_without and not any(one.can_run for one in needs):
        yield f"No command can run yet: {needs[0].missing[0].what}"


def _open_money(program: Program) -> Iterable[str]:
    if not program.assumptions_source:
        yield "Say where the values come from."


def _open_people(program: Program) -> Iterable[str]:
    empty = [one.definition.name for one in roles_of(program) if not one.holders]
    if empty:
        yield f"Nobody holds {', '.join(empty)}."
    for one in roles_of(program):
        yield from one.wrong_limits


def _open_run(program: Program) -> Iterable[str]:
    if not program.plans.exists():
        yield "Start a run."


def roles_of(program: Program) -> list[NeededRole]:
    """The roles of the commands for this kind of program, with who holds each of them today."""
    from_commands = needed_roles.all_needed(commands_of(program))
    rows = Approver.objects.filter(role__slug__in=from_commands, person__is_active=True)
    held: dict[str, list[Approver]] = {}
    for row in rows.select_related("person", "role").order_by("pk"):
        held.setdefault(row.role.slug, []).append(row)
    return [
        NeededRole(definition, tuple(held.get(slug, ())), tuple(_wrong_limits(held.get(slug, ()), program)))
        for slug, definition in from_commands.items()
    ]


def _wrong_limits(holders: Iterable[Approver], program: Program) -> Iterable[str]:
    for row in holders:
        if row.limit_amount is not None and row.limit_currency != program.currency:
            yield (
                f"{row.person} as {row.role} has a limit in {row.limit_currency}; the program is in "
                f"{program.currency}, where it does not apply. Ask a steward to change it."
            )


# ------------------------------------------------------------------ who decides


def enter_people(program: Program, entered: Iterable[EnteredHolder]) -> EnteredPeople:
    """Make people, accounts and the rows by which they hold roles, as whoever is acting.

    A limit is in the program's currency. What gives authority waits for a second steward, where there is one.
    Raises InvalidInput with everything that is wrong, before anything is made.
    """
    wanted = list(entered)
    _check(wanted)
    found = EnteredPeople()
    definitions = needed_roles.all_needed(commands_of(program))
    for one in wanted:
        person = _person(one, program, found)
        role = Role.objects.get(slug=one.role)
        group = Group.objects.filter(name=definitions[one.role].group).first()
        for user in person.accounts.filter(is_active=True) if group is not None else ():
            if not user.groups.filter(pk=group.pk).exists():
                found.waiting += _waits(lambda user=user, group=group: user.groups.add(group))
        if not Approver.objects.filter(person=person, role=role).exists():
            row = Approver(person=person, role=role, limit_amount=one.limit, limit_currency=program.currency)
            found.waiting += _waits(row.save)
    return found


def _check(entered: Iterable[EnteredHolder]) -> None:
    problems = []
    for one in entered:
        if not one.name.strip() and not Person.objects.filter(email__iexact=one.email).exists():
            problems.append(Problem(f"name-{one.role}", "Enter the name of this person.", code="required"))
        if not one.email.strip():
            problems.append(Problem(f"email-{one.role}", "Enter an address of mail.", code="required"))
        if not Role.objects.filter(slug=one.role).exists():
            told = "does not exist. Settings, Establish makes it."
            problems.append(Problem(f"name-{one.role}", told, code="missing"))
    if problems:
        raise InvalidInput("Nobody was entered.", problems=problems)


def _person(one: EnteredHolder, program: Program, found: EnteredPeople) -> Person:
    person = Person.objects.filter(email__iexact=one.email).first()
    if person is None:
        person = Person(
            name=one.name.strip(), email=one.email, country=program.country, time_zone=program.time_zone
        )
        person.save()
    if not person.accounts.exists():
        _, first = establishing.account_of(person)
        found.passwords.append(first)
    return person


def _waits(gain: Callable[[], Any]) -> int:
    """One where the gain waits for a second person, none where it is made."""
    with suppress(WaitsForSecondPerson):
        with transaction.atomic():
            gain()
        return 0
    return 1


# ------------------------------------------------------------------ the first run


def first_runs(program: Program) -> list[FirstRun]:
    """The commands for this program, those that can run first, with the usage line of each."""
    needs = {one.key: one for one in data_needs.of_program(program)}
    found = []
    for command in commands_of(program):
        need = needs.get(command.key)
        missing = tuple(one.what for one in need.missing if one.blocks) if need is not None else ()
        budget = suggested_budget(command, program)
        lacks = tuple(first_records.lacking(command, program))
        found.append(FirstRun(command, _line(command, program, budget), budget, missing, lacks))
    return sorted(found, key=lambda run: (bool(run.missing), bool(run.lacks), run.command.path))


def _line(command: Command, program: Program, budget: str) -> str:
    """The example as this program says it: its name and campaign, its budget, a day that can be made."""
    words = shlex.split(command.example or command.path)
    for one in command.inputs:
        flag = f"--{one.name.replace('_', '-')}"
        value = budget if one.name == command.amount_input else _own(one, program)
        if value and flag in words[:-1]:
            words[words.index(flag) + 1] = value
    return shlex.join(words)


def _own(one: Input, program: Program) -> str:
    """What this program says where the example names another; "" where the example will do."""
    if isinstance(one, Day):
        day = clock.now().astimezone(ZoneInfo(program.time_zone)).date() + FIRST_DAY_AFTER
        return (day + timedelta(days=(MIDDLE_OF_WEEK - day.weekday()) % 7)).isoformat()
    if isinstance(one, Known) and one.among == "programs":
        return program.name
    if isinstance(one, Known) and one.among == "campaigns":
        return program.campaigns.order_by("pk").values_list("name", flat=True).first() or ""
    return ""


def suggested_budget(command: Command, program: Program) -> str:
    """A pool a quarter from the revenue of the current purchases; "" where they do not say any."""
    asked = command.input(command.amount_input) if command.amount_input else None
    if not isinstance(asked, Amount):
        return ""
    revenue = yearly_revenue(program)
    pool = revenue * POOL_SHARE / QUARTERS
    if pool < 1:
        return ""
    size = Decimal(10) ** (pool.adjusted() - 1)
    return f"{(pool / size).to_integral_value() * size:f}"


def yearly_revenue(program: Program) -> Decimal:
    """What the current purchases in the program's currency come to in a year; 0 where there are none."""
    total = Decimal(0)
    days = 0
    for dataset in latest_datasets(program, ["purchases"]):
        try:
            path = snapshot_store().rows_path(snapshot_of(dataset))
        except NotFound:
            continue
        sums = summary_of(path, snapshot_of(dataset), program.time_zone).sums
        total += Decimal(sums.get("amount", {}).get(program.currency, "0"))
        if dataset.window_start and dataset.window_end:
            days = max(days, _days(dataset.window_start.date(), dataset.window_end.date()))
    return total * YEAR_DAYS / max(days, 1) if total > 0 else Decimal(0)


def _days(start: date, end: date) -> int:
    return (end - start).days + 1


def acting_person() -> Person | None:
    """Who is setting it up, as an entry of the directory."""
    user = actors.current().actor.user
    return Person.objects.filter(accounts=user).first() if user is not None else None
