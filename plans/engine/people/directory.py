"""The organisation as it stands at an instant: role holders, absences, delegations. Five queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from gtm.core import clock
from programs.models import Absence, Approver, Delegation, Person


class _Once:
    """What one pass has read of the organisation."""

    directory: Directory | None = None


_once: ContextVar[_Once | None] = ContextVar("directory_of_a_pass", default=None)


@contextmanager
def read_once() -> Iterator[None]:
    """Inside, the organisation is read once: for a pass of seconds that decides nothing."""
    token = _once.set(_Once())
    try:
        yield
    finally:
        _once.reset(token)


@dataclass(frozen=True, slots=True)
class Directory:
    """Who holds which role, who is away with which substitutes, who acts for whom."""

    now: datetime
    approvers: tuple[Approver, ...]
    absences: dict[int, tuple[Absence, ...]]
    delegations: tuple[Delegation, ...]
    with_account: frozenset[int]
    speaks_for: dict[str, str]
    """Person, as text → the partner that they, or somebody with an account in common, are the contact of."""

    @classmethod
    def today(cls) -> Directory:
        """As it stands now, or stood when ``read_once`` began."""
        once = _once.get()
        if once is None:
            return cls._read()
        once.directory = once.directory or cls._read()
        return once.directory

    @classmethod
    def _read(cls) -> Directory:
        now = clock.now()
        running = {"starts_at__lte": now, "ends_at__gt": now}
        away: defaultdict[int, list[Absence]] = defaultdict(list)
        for absence in (
            Absence.objects.filter(**running).select_related("person", "substitute").order_by("pk")
        ):
            away[absence.person_id].append(absence)
        delegations = Delegation.objects.filter(**running, revoked_at__isnull=True)
        accounts = Person.accounts.through.objects.filter(user__is_active=True)
        behind = list(accounts.order_by("pk").values_list("person_id", "user__people__partner__name"))
        holders = Approver.objects.filter(person__is_active=True).select_related("person", "role")
        return cls(
            now,
            tuple(holders.order_by("pk")),
            {person: tuple(rows) for person, rows in away.items()},
            tuple(delegations.select_related("principal", "delegate", "role").order_by("pk")),
            frozenset(person for person, _ in behind),
            {str(person): partner for person, partner in behind if partner},
        )

    def holders(self, roles: Collection[str]) -> Iterator[Approver]:
        return (approver for approver in self.approvers if approver.role.slug in roles)

    def holding(self, person_id: int, role_id: int) -> Approver | None:
        return next((a for a in self.approvers if a.person_id == person_id and a.role_id == role_id), None)

    def is_here(self, person: Person) -> bool:
        """Whether somebody has not left, and can still log in."""
        return person.is_active and person.pk in self.with_account

    def standing(self, roles: Collection[str]) -> list[Person]:
        """Who can see to a matter of these roles now: holders, and stand-ins of those who are away."""
        valid = [approver for approver in self.holders(roles) if approver.is_valid_at(self.now)]
        return list({p.pk: p for approver in valid for p in self.in_place_of(approver)}.values())

    def in_place_of(self, approver: Approver) -> list[Person]:
        """The holder of a role, or while away the substitutes and the delegates for that role."""
        if approver.person_id not in self.absences:
            return [approver.person]
        stand_ins = [absence.substitute for absence in self.absences[approver.person_id]]
        key = (approver.person_id, approver.role_id)
        stand_ins += [d.delegate for d in self.delegations if (d.principal_id, d.role_id) == key]
        return [p for p in stand_ins if p is not None and p.is_active and p.pk not in self.absences]

    def acts_for(self) -> dict[str, set[str]]:
        """Stand-in → the people they act for now, whatever the role."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for delegation in self.delegations:
            found[str(delegation.delegate_id)].add(str(delegation.principal_id))
        for absences in self.absences.values():
            for absence in absences:
                if absence.substitute_id:
                    found[str(absence.substitute_id)].add(str(absence.person_id))
        return found

    def names(self) -> dict[str, str]:
        people: list[Person] = [a.person for a in self.approvers]
        people += [p for d in self.delegations for p in (d.principal, d.delegate)]
        people += [absence.person for rows in self.absences.values() for absence in rows]
        return {str(person.pk): person.name for person in people}
