"""Rotas: who of a rung is on call, by day or week in the program's zone. Whoever is away is passed over.

A rota stands in the text of a ladder, so it is proposed, adopted and kept by a plan as the ladder is. It says
who is told. It gives no authority: that comes from a role.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from gtm.core.errors import Problem
from plans.engine.people.directory import Directory
from plans.models import Plan
from plans.schemas.declaration import Rota
from plans.schemas.rules import RungRules
from programs.models import Person, Program
from programs.models.place import usable_zone

DAYS = {"day": 1, "week": 7}
FIELDS = ("name", "turn", "since", "people")
MOST_PEOPLE, LONGEST_NAME = 20, 60


@dataclass(frozen=True, slots=True)
class OnCall:
    """Who is on call today, None for a gap, and who was passed over with the reason."""

    person: Person | None
    passed: tuple[str, ...] = ()

    @property
    def in_words(self) -> str:
        told = [f"on call today: {self.person}" if self.person else "nobody is on call today", *self.passed]
        return "; ".join(told)


# ------------------------------------------------------------------ whose turn it is


def turns(rota: Rota, day: date) -> tuple[str, ...]:
    """The addresses in the order in which they are asked on ``day``; none before the rota begins."""
    since = date.fromisoformat(rota.since)
    if day < since:
        return ()
    first = (day - since).days // DAYS[rota.turn] % len(rota.people)
    return (*rota.people[first:], *rota.people[:first])


def on_call(rota: Rota, program: Program, directory: Directory) -> OnCall:
    """The first in turn who is here, or whom they swapped with. A day begins where the program is."""
    asked = turns(rota, directory.now.astimezone(ZoneInfo(usable_zone(program.time_zone))).date())
    if not asked:
        return OnCall(None, (f"{rota.name} begins on {rota.since}",))
    people = _people([rota])
    passed: list[str] = []
    for address in asked:
        person = people.get(address)
        if person is not None and (reason := _why_not_here(person, directory)) is None:
            return OnCall(person, tuple(passed))
        passed.append(f"{person} {reason}" if person else f"{address} is in the directory no more")
        if person is not None and (other := _swapped_with(person, people.values(), directory)) is not None:
            return OnCall(other, tuple(passed))
    return OnCall(None, tuple(passed))


def _swapped_with(person: Person, rota: Iterable[Person], directory: Directory) -> Person | None:
    """Whom somebody away has named to stand in: if they are on the rota too, the turn is theirs."""
    named = {absence.substitute_id for absence in directory.absences.get(person.pk, ())}
    return next((p for p in rota if p.pk in named and _why_not_here(p, directory) is None), None)


def _why_not_here(person: Person, directory: Directory) -> str | None:
    if not directory.is_here(person):
        return "has left, or has no account that is open"
    absences = directory.absences.get(person.pk, ())
    return f"is away until {max(a.ends_at for a in absences):%Y-%m-%d}" if absences else None


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
    named = [rung.rota for rung in rungs if rung.rota]
    people = _people(named).values() if named else ()
    return [person for person in people if _why_not_here(person, directory) is None]


def _people(rotas: Iterable[Rota]) -> dict[str, Person]:
    addresses = list(dict.fromkeys(address for rota in rotas for address in rota.people))
    found = {person.email: person for person in Person.objects.filter(email__in=addresses)}
    return {address: found[address] for address in addresses if address in found}


# ------------------------------------------------------------------ words, and what a text must be


def in_words(rota: Mapping[str, Any]) -> str:
    """A rota as a policy stores it, in a sentence: name, turn, and the people in their order."""
    names = dict(Person.objects.filter(email__in=rota["people"]).values_list("email", "name"))
    people = ", ".join(names.get(address, address) for address in rota["people"])
    return f"rota {rota['name']}, by {rota['turn']} from {rota['since']}: {people}"


def faults(at: str, rota: Any) -> Iterable[Problem]:
    """Everything wrong with a rota as somebody proposes it, each by its path."""
    if not isinstance(rota, Mapping):
        yield Problem(at, "must be an object with a name, a turn, since and people.")
        return
    for name in sorted(set(rota) - set(FIELDS)):
        yield Problem(f"{at}.{name}", "is unknown.", FIELDS, code="unknown")
    name = rota.get("name")
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= LONGEST_NAME:
        yield Problem(f"{at}.name", f"must be a text of 1 to {LONGEST_NAME} characters.")
    if rota.get("turn") not in DAYS:
        yield Problem(f"{at}.turn", f"“{rota.get('turn', '')}” is unknown.", tuple(DAYS))
    if not _is_day(rota.get("since")):
        yield Problem(f"{at}.since", f"“{rota.get('since', '')}” is no day; write it like 2026-12-07.")
    yield from _people_faults(f"{at}.people", rota.get("people"))


def _people_faults(at: str, people: Any) -> Iterable[Problem]:
    is_list = isinstance(people, list) and all(isinstance(address, str) for address in people)
    if not is_list or not 1 <= len(people) <= MOST_PEOPLE:
        yield Problem(at, f"must be a list of 1 to {MOST_PEOPLE} e-mail addresses.")
        return
    known = set(Person.objects.filter(email__in=people, is_active=True).values_list("email", flat=True))
    for address in (address for address in people if address not in known):
        yield Problem(at, f"“{address}” is nobody's address in the directory.")
    for address in sorted({address for address in people if people.count(address) > 1}):
        yield Problem(at, f"“{address}” stands there twice.")


def _is_day(value: Any) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False
