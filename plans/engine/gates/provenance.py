"""Where authority comes from: who gave it, who arranged a stand-in, and what was held when a round opened.

A round keeps its bench. What somebody gains later counts from the next round on, what they lose counts at
once. And nobody who asked for a plan, or edited it, arranges who decides about it: what they have entered
about others (authority, an absence, a delegation) does not count at its gates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from plans.engine.gates.moved import LOOKED_AT, Moved
from plans.engine.gates.seats import SeatRule, applying_seats
from plans.engine.gates.taken import Taken
from plans.engine.people.directory import Directory
from plans.models import Approval
from plans.schemas.declaration import Seat
from programs.models import MADE_CHANGE_STATES, Absence, Approver, Delegation, GuardedChange

People = Mapping[int, Collection[int]]
Accounts = Mapping[int | None, Collection[int]]
AUTHORITY = (
    "person_id", "role_id", "limit_amount", "limit_currency", "program_kinds", "regions", "valid_from",
    "valid_until",
)  # fmt: skip
_ENTITIES = [model._meta.label_lower for model in (Absence, Delegation, Approver)]
LATE = "holds this authority only since after this round was opened"


@dataclass(frozen=True, slots=True)
class Arrangements:
    """Row of the directory → the people who wrote what stands there now; nobody where the system did."""

    absences: People = field(default_factory=dict)
    delegations: People = field(default_factory=dict)
    approvers: People = field(default_factory=dict)
    taken: Taken = field(default_factory=Taken)
    moved: Moved = field(default_factory=Moved)

    @classmethod
    def of(cls, directory: Directory, accounts: Accounts) -> Arrangements:
        """Four queries, whatever the number of rounds; more where somebody is asked in another's place."""
        absences = [absence.pk for rows in directory.absences.values() for absence in rows]
        delegations = [delegation.pk for delegation in directory.delegations]
        approvers = [approver.pk for approver in directory.approvers]
        asked = _proposers(accounts)
        return cls(
            _writers(Absence.history.filter(id__in=absences), (), accounts, asked),
            _writers(Delegation.history.filter(id__in=delegations), (), accounts, asked),
            _writers(Approver.history.filter(id__in=approvers), AUTHORITY, accounts, asked),
            Taken(accounts),
            Moved(accounts),
        )


def _proposers(accounts: Accounts) -> dict[tuple[str, str], set[int]]:
    """(entity, row) → who proposed the last change of it that another person has made."""
    made = GuardedChange.objects.filter(state__in=MADE_CHANGE_STATES, entity__in=_ENTITIES)
    rows = made.order_by("pk").values_list("entity", "object_id", "requested_by_id")
    return {(entity, pk): set(accounts.get(user, ())) for entity, pk, user in rows}


def _writers(
    rows: QuerySet[Any],
    columns: tuple[str, ...],
    accounts: Accounts,
    asked: Mapping[tuple[str, str], set[int]],
) -> dict[int, set[int]]:
    """Whoever wrote a row, or with ``columns`` whoever last changed one of these; and who proposed it."""
    found: defaultdict[int, set[int]] = defaultdict(set)
    before: dict[int, tuple[Any, ...]] = {}
    for pk, user, *values in rows.order_by("history_id").values_list("id", "history_user_id", *columns):
        if columns and before.get(pk) != (now := tuple(map(str, values))):
            before[pk] = now
            found[pk] = set()
            found[pk] |= set(accounts.get(user, ()))
        elif not columns:
            found[pk] |= set(accounts.get(user, ()))
    entity = rows.model.instance_type._meta.label_lower
    for pk in found:
        found[pk] |= asked.get((entity, str(pk)), set())
    return dict(found)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What counts at one round. ``askers``: who asked for the plan or edited it.

    ``held``: (person, role) pairs and ``delegations``: rows that counted when the round was opened; ``held``
    is None for a round that is still to be opened.
    """

    askers: Collection[int] = ()
    arrangements: Arrangements = field(default_factory=Arrangements)
    held: Collection[tuple[int, str]] | None = None
    delegations: Collection[int] = ()
    plan_made_at: datetime | None = None
    program: int | None = None

    def _facts_before(self, looked_at: bool) -> list[dict[str, str]]:
        """What the program was before an asker moved it; nothing where nobody looks at it."""
        if not looked_at:
            return []
        return self.arrangements.moved.before(self.program, self.askers, self.plan_made_at)

    def seats(self, asked: Sequence[Seat], facts: Mapping[str, Any]) -> tuple[SeatRule, ...]:
        """The seats that apply, also those that would if no asker had moved the program."""
        found = applying_seats(asked, facts)
        looked_at = any(seat.condition and seat.condition["field"] in LOOKED_AT for seat in asked)
        for was in self._facts_before(looked_at):
            found += tuple(s for s in applying_seats(asked, {**facts, **was}) if s not in found)
        return found

    def against(self, approver: Approver) -> str:
        """Why this authority does not count here, to go on after the name; empty where it does."""
        for was in self._facts_before(bool(approver.regions or approver.program_kinds)):
            if short := approver.covers(amount=None, currency="", **was):
                return f"{short}, and somebody who asked for this run or edited it moved the program there"
        if {*self.arrangements.approvers.get(approver.pk, ())} & {*self.askers} - {approver.person_id}:
            return f"was made {approver.role} by somebody who asked for this run or edited it"
        if self.held is not None and (approver.person_id, approver.role.slug) not in self.held:
            return LATE
        return ""

    def against_delegation(self, delegation: Delegation) -> str:
        chosen_by = {*self.arrangements.delegations.get(delegation.pk, ())} - {delegation.principal_id}
        if chosen_by & {*self.askers}:
            return "by the choice of somebody who asked for this run or edited it"
        if self.held is not None and delegation.pk not in self.delegations:
            return "only since after this round was opened"
        return ""

    def against_instead(self, person_id: int, role: str) -> str:
        """Why this person does not decide in the place of who holds ``role``, to go on after the name."""
        takers = self.arrangements.taken.by(role, self.plan_made_at)
        if person_id in takers:
            return f"took the authority of {role} from somebody, and does not decide in its place"
        if takers & {*self.askers}:
            return f"would decide as {role}, which somebody who asked for this run or edited it took away"
        return ""

    def absences(self, directory: Directory, person_id: int) -> Iterator[Absence]:
        """Absences of a person that count: not those that an asker has entered for somebody else."""
        for absence in directory.absences.get(person_id, ()):
            entered_by = {*self.arrangements.absences.get(absence.pk, ())} - {person_id}
            if not entered_by & {*self.askers}:
                yield absence


def kept(approval: Approval, askers: Collection[int], arrangements: Arrangements) -> Provenance:
    """What counts at a round: as it was when it opened, where it has kept that."""
    at_opening = approval.bench
    if not at_opening:  # of before, or still to be opened
        plan = approval.plan
        return Provenance(askers, arrangements, plan_made_at=plan.created_at, program=plan.program_id)
    return Provenance(
        {*askers, *at_opening["askers"]},
        arrangements,
        frozenset((person, role) for person, role in at_opening["held"]),
        frozenset(at_opening["delegations"]),
        approval.plan.created_at,
        approval.plan.program_id,
    )


def to_keep(
    held: Iterable[tuple[int, str]],
    delegations: Iterable[int],
    askers: Collection[int],
    excluded: Mapping[int, str],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """What a round keeps from its opening, as JSON: ``kept`` reads it."""
    return {
        "held": sorted([list(pair) for pair in held]),
        "delegations": sorted(delegations),
        "askers": sorted(askers),
        "excluded": {str(pk): reason for pk, reason in sorted(excluded.items())},
        "facts": {name: facts[name] for name in ("kind", "region")},
    }
