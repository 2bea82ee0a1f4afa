"""Rotas: who of a rung is on call, by its layers and overrides. Whoever is away is passed over, on record.

A rota stands in the text of a ladder, so it is proposed, adopted and kept by a plan as the ladder is. Dated
overrides are rows of their own that two people make; they hold for plans that run already, too. A rota says
who is told. It gives no authority: that comes from a role.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from plans.engine.escalation import rotations
from plans.engine.people.directory import Directory
from plans.models import Plan
from plans.schemas.declaration import Rota
from plans.schemas.rules import RungRules
from programs.models import Person, Program, RotaOverride
from programs.models.place import usable_zone
from programs.models.rota_override import in_force

MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class OnCall:
    """Who is on call, None for a gap; who was passed over with the reason; ``by`` what, in words."""

    person: Person | None
    passed: tuple[str, ...] = ()
    by: str = ""

    @property
    def in_words(self) -> str:
        told = [f"on call today: {self.person}" if self.person else "nobody is on call today", *self.passed]
        return "; ".join([*told, *([self.by] if self.by else [])])

    @property
    def reasons(self) -> str:
        """By what, and who was passed over and why."""
        return "; ".join(part for part in (self.by, *self.passed) if part)


@dataclass(frozen=True, slots=True)
class Named:
    """What a rota names, read once: its people by address, and its overrides in a span of time."""

    people: Mapping[str, Person]
    overrides: Sequence[RotaOverride] = field(default_factory=tuple)


def named_by(rota: Rota, directory: Directory) -> Named:
    """Two queries: the people of all layers, and the overrides that hold now."""
    overrides = in_force(rota.name, directory.now, directory.now + MOMENT)
    return Named(people_of([rota]), tuple(overrides))


# ------------------------------------------------------------------ whose turn it is


def on_call(rota: Rota, program: Program, directory: Directory, named: Named | None = None) -> OnCall:
    """Whoever an override names; else the first in turn of the last layer that is on; else of those below.

    Who is not here is passed over for whom they swapped with, then for the next.
    """
    named = named or named_by(rota, directory)
    now, passed = directory.now, []
    for override in named.overrides:
        if override.starts_at <= now < override.ends_at:
            if (reason := _why_not_here(override.person, directory)) is None:
                return OnCall(override.person, by=f"by an override: {override.reason}")
            passed.append(f"{override.person}, by an override, {reason}")
    local = now.astimezone(ZoneInfo(usable_zone(program.time_zone))).replace(tzinfo=None)
    layers = rotations.layers_of(rota)
    asked = 0
    for number, layer in reversed(list(enumerate(layers, start=1))):
        turn = rotations.turns(layer, local)
        asked += len(turn)
        found, passed_here = _first_here(turn, named.people, directory)
        passed += passed_here
        if found is not None:
            return OnCall(found, tuple(passed), f"by layer {number}" if len(layers) > 1 else "")
    if not asked and not passed:
        begins = min(layer.since for layer in layers)
        passed = [
            f"{rota.name} begins on {begins}"
            if local < min(rotations.begins_at(layer.since) for layer in layers)
            else f"no layer of {rota.name} is on at this time"
        ]
    return OnCall(None, tuple(passed))


def _first_here(
    turn: Sequence[str], people: Mapping[str, Person], directory: Directory
) -> tuple[Person | None, list[str]]:
    passed: list[str] = []
    for address in turn:
        person = people.get(address)
        if person is not None and (reason := _why_not_here(person, directory)) is None:
            return person, passed
        passed.append(f"{person} {reason}" if person else f"{address} is in the directory no more")
        of_turn = [people[one] for one in turn if one in people]
        if person is not None and (other := _swapped_with(person, of_turn, directory)) is not None:
            return other, passed
    return None, passed


def _swapped_with(person: Person, rota: Iterable[Person], directory: Directory) -> Person | None:
    """Whom somebody away has named to stand in: if they are on the layer too, the turn is theirs."""
    named = {absence.substitute_id for absence in directory.absences.get(person.pk, ())}
    return next((p for p in rota if p.pk in named and _why_not_here(p, directory) is None), None)


def _why_not_here(person: Person, directory: Directory) -> str | None:
    if not directory.is_here(person):
        return "has left, or has no account that is open"
    absences = directory.absences.get(person.pk, ())
    return f"is away until {max(absences, key=lambda one: one.ends_at).days[1]}" if absences else None


# ------------------------------------------------------------------ rungs


def standing(rung: RungRules, plan: Plan, directory: Directory) -> tuple[list[Person], tuple[str, ...]]:
    """Who stands on a rung now, whoever is on call first, and who of the rota was passed over and why."""
    by_role = directory.standing(rung.roles)
    if rung.rota is None:
        return by_role, ()
    found = on_call(rung.rota, plan.program, directory)
    people = [*([found.person] if found.person else []), *by_role]
    return list({person.pk: person for person in people}.values()), found.passed


def is_on_call(rungs: Iterable[RungRules], plan: Plan, people: Collection[int], directory: Directory) -> bool:
    """Whether one of these people is on call by a rota of one of the rungs now."""
    found = (on_call(rung.rota, plan.program, directory).person for rung in rungs if rung.rota)
    return any(person is not None and person.pk in people for person in found)


def takers(rungs: Iterable[RungRules], directory: Directory) -> list[Person]:
    """Everybody on a rota of these rungs who is here, on call or not: a case can be given to them."""
    rotas = [rung.rota for rung in rungs if rung.rota]
    if not rotas:
        return []
    found = {person.pk: person for person in people_of(rotas).values()}
    for rota in rotas:
        overrides = in_force(rota.name, directory.now, directory.now + MOMENT)
        found |= {override.person_id: override.person for override in overrides}
    return [person for person in found.values() if _why_not_here(person, directory) is None]


def is_put_on_call(people: Collection[int], directory: Directory) -> bool:
    """Whether an override of any rota puts one of these people on call now."""
    running = {"starts_at__lte": directory.now, "ends_at__gt": directory.now}
    return RotaOverride.objects.filter(person__in=people, **running).exists()


def people_of(rotas: Iterable[Rota]) -> dict[str, Person]:
    """Everybody whom a layer of these rotas names, by address, those who are still in the directory."""
    layers = [layer for rota in rotas for layer in rotations.layers_of(rota)]
    addresses = list(dict.fromkeys(address for layer in layers for address in layer.people))
    found = {person.email: person for person in Person.objects.filter(email__in=addresses)}
    return {address: found[address] for address in addresses if address in found}
