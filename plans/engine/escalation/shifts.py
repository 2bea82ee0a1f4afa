"""The schedule of a rota in the weeks to come: who is on call from when until when, and where nobody is.

Answered by ``rotas.on_call`` itself, at every moment at which its answer may change, with the absences and
overrides that are on record now. Accounts and the directory are as of today.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from plans.engine.escalation import rotas, rotations
from plans.engine.escalation.rotas import Named, OnCall
from plans.engine.people.directory import Directory
from plans.schemas.declaration import Rota
from programs.models import Absence, Person, Program
from programs.models.place import usable_zone
from programs.models.rota_override import in_force

STEP = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Shift:
    """Who is on call from ``starts_at`` to before ``ends_at``; ``on_call.person`` is None for a gap."""

    starts_at: datetime
    ends_at: datetime
    on_call: OnCall


def shifts(rota: Rota, program: Program, start: datetime, end: datetime) -> list[Shift]:
    """One after the other without a hole from ``start`` to ``end``. Five queries and two more."""
    today = Directory.today()
    overrides = tuple(in_force(rota.name, start, end))
    absences = list(
        Absence.objects.filter(starts_at__lt=end, ends_at__gt=start)
        .select_related("person", "substitute")
        .order_by("pk")
    )
    named = Named(rotas.people_of([rota]), overrides)
    zone = ZoneInfo(usable_zone(program.time_zone))
    moments = {start, *_of_layers(rota, zone, start, end)}
    moments |= {at for override in overrides for at in (override.starts_at, override.ends_at)}
    moments |= {at for absence in absences for at in (absence.starts_at, absence.ends_at)}
    found: list[Shift] = []
    asked_at = sorted(at for at in moments if start <= at < end)
    for at, until in zip(asked_at, [*asked_at[1:], end], strict=True):
        now = replace(today, now=at, absences=_away(absences, at))
        told = rotas.on_call(rota, program, now, named)
        if found and found[-1].on_call == told:
            found[-1] = replace(found[-1], ends_at=until)
        else:
            found.append(Shift(at, until, told))
    return found


def _away(absences: list[Absence], at: datetime) -> dict[int, tuple[Absence, ...]]:
    found: defaultdict[int, list[Absence]] = defaultdict(list)
    for absence in absences:
        if absence.starts_at <= at < absence.ends_at:
            found[absence.person_id].append(absence)
    return {person: tuple(rows) for person, rows in found.items()}


def _of_layers(rota: Rota, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """The moments of the layers in UTC. Where the clock is set, every quarter of an hour of the night."""
    begin, finish = (at.astimezone(zone).replace(tzinfo=None) for at in (start, end))
    for layer in rotations.layers_of(rota):
        for local in rotations.may_change(layer, begin, finish):
            first = local.replace(tzinfo=zone).astimezone(UTC)
            second = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
            yield from (first, second)
    at = start
    while at < end:
        if at.astimezone(zone).utcoffset() != (at + timedelta(days=1)).astimezone(zone).utcoffset():
            quarter = at.replace(minute=0, second=0, microsecond=0)
            yield from (quarter + number * STEP for number in range(4 * 25))
        at += timedelta(days=1)


def gaps(found: list[Shift]) -> list[Shift]:
    return [shift for shift in found if shift.on_call.person is None]


def turns_of(found: list[Shift]) -> dict[Person, timedelta]:
    """How long each has the turn, the longest first."""
    lengths: defaultdict[Person, timedelta] = defaultdict(timedelta)
    for shift in found:
        if shift.on_call.person is not None:
            lengths[shift.on_call.person] += shift.ends_at - shift.starts_at
    return dict(sorted(lengths.items(), key=lambda one: -one[1]))
