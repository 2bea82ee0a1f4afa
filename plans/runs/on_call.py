"""Which rotas stand on ladders today, their schedules, and what fits an override of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache

from gtm.core import clock
from gtm.core.errors import InvalidInput, Problem
from plans.engine.escalation import shifts
from plans.engine.escalation.shifts import Shift
from plans.models import FINAL_PLAN_STATES, LADDER, Plan
from plans.runs import policies, registry
from plans.schemas.declaration import Command, Rota
from plans.schemas.rules import rungs
from programs.models import CLOSED_PROGRAM_STATES, Program, RotaOverride
from programs.models.rota_override import in_force

WEEKS, MOST_WEEKS = 4, 12
GAPS_SECONDS = 60


@dataclass(frozen=True, slots=True)
class RotaGap:
    """How many times nobody of a rota is on call in the next week, and when that first begins."""

    rota: str
    count: int
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class InZone:
    """The schedule of a rota for programs of one time zone; its turns begin by their clocks."""

    zone: str
    programs: tuple[str, ...]
    shifts: list[Shift]


@dataclass(slots=True)
class StandingRota:
    """A rota as ladders in force have it. ``stands``: command and rung, in words."""

    rota: Rota
    kinds: set[str] = field(default_factory=set)
    stands: list[str] = field(default_factory=list)
    zones: list[InZone] = field(default_factory=list)
    overrides: list[RotaOverride] = field(default_factory=list)


def standing() -> list[StandingRota]:
    """Every rota of a ladder in force, by name; two of one name with different texts are two."""
    found: dict[Rota, StandingRota] = {}
    for command, number, rota in _of_ladders():
        one = found.setdefault(rota, StandingRota(rota))
        one.kinds.add(command.program_kind)
        one.stands.append(f"{command.path}, rung {number}")
    return sorted(found.values(), key=lambda one: one.rota.name)


def schedules(weeks: int = WEEKS) -> list[StandingRota]:
    """With who is on call in the next weeks, zone by zone of the programs that are not closed.

    Raises InvalidInput for less than one week or more than ``MOST_WEEKS``.
    """
    if not 1 <= weeks <= MOST_WEEKS:
        problem = Problem("weeks", f"must be a whole number, 1 to {MOST_WEEKS}.")
        raise InvalidInput("There is no such schedule.", problems=[problem])
    start = clock.now()
    end, found = start + timedelta(weeks=weeks), standing()
    for one in found:
        one.overrides = list(in_force(one.rota.name, start, start + timedelta(weeks=10 * MOST_WEEKS)))
        open_ = Program.objects.filter(kind__in=one.kinds).exclude(state__in=CLOSED_PROGRAM_STATES)
        zones: dict[str, list[Program]] = {}
        for program in open_.order_by("name"):
            zones.setdefault(program.time_zone, []).append(program)
        one.zones = [
            InZone(zone, tuple(p.name for p in held), shifts.shifts(one.rota, held[0], start, end))
            for zone, held in sorted(zones.items())
        ]
    return found


def gaps_ahead(user: Any) -> list[RotaGap]:
    """Rotas with nobody on call at some time of the next week, for who may fill that: the first gap first."""
    if not user.has_perm("programs.add_rotaoverride"):
        return []
    found: list[RotaGap] = cache.get_or_set("gtm-rota-gaps", _gaps, GAPS_SECONDS)
    return found


def _gaps() -> list[RotaGap]:
    found = []
    for one in schedules(1):
        spans = sorted(gap.starts_at for zone in one.zones for gap in shifts.gaps(zone.shifts))
        if spans:
            found.append(RotaGap(one.rota.name, len(spans), spans[0]))
    return sorted(found, key=lambda gap: gap.starts_at)


def names() -> set[str]:
    """Of the ladders in force, and of plans that are not over, whose ladder may be an earlier one."""
    found = {rota.name for _, _, rota in _of_ladders()}
    for plan in Plan.objects.exclude(state__in=FINAL_PLAN_STATES):
        found |= {rung.rota.name for rung in plan.rules.ladder if rung.rota is not None}
    return found


def faults(override: RotaOverride) -> dict[str, str]:
    """By field: a rota that stands on no ladder, and somebody who could not take the turn."""
    found: dict[str, str] = {}
    known = sorted(names())
    if override.rota not in known:
        said = f"Choose one of {', '.join(known)}." if known else "No ladder has a rota."
        found["rota"] = f"“{override.rota}” is the name of no rota. {said}"
    person = override.person
    if not person.is_active or not person.accounts.filter(is_active=True).exists():
        found["person"] = f"{person} has left, or has no account that is open."
    return found


def _of_ladders() -> Iterator[tuple[Command, int, Rota]]:
    for command in registry.all_commands():
        ladder = policies.in_force(command)[LADDER].text["rungs"]
        for rung in rungs([{"rung": number, **rung} for number, rung in enumerate(ladder, start=1)]):
            if rung.rota is not None:
                yield command, rung.rung, rung.rota
