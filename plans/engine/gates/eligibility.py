"""Who may decide at a gate, with whose authority, and why others may not.

Roles and authority, absences with substitutes, delegations, authority added by a ladder, and separation
of duties by person. Superusers are not exempt: nothing here asks for ``is_superuser``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from gtm.core.money import Money
from plans.engine.gates import conflicts, provenance
from plans.engine.gates import seats as policy
from plans.engine.gates.provenance import Provenance
from plans.engine.people.directory import Directory
from plans.models import OPEN_CASE_STATES, Approval, Plan
from plans.models.approval import FALLBACK
from plans.schemas.declaration import Seat
from plans.schemas.rules import RungRules
from programs.models import Absence, Approver, Delegation, Person

BY_RUNG = "rung"


@dataclass(frozen=True, slots=True)
class Capacity:
    """One way to sit: for which role, with whose authority, and by what (empty: in their own right).

    From a fallback list: ``instead_of`` names those who hold the role, ``why`` says why they do not decide.
    """

    role: str
    holder: Person
    by: str = ""
    instead_of: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may sit, and every capacity they may sit in, their own first."""

    person: Person
    capacities: tuple[Capacity, ...]

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(c.role for c in self.capacities)

    @property
    def stands_in_for(self) -> tuple[Person, ...]:
        others = {c.holder.pk: c.holder for c in self.capacities if c.holder.pk != self.person.pk}
        return tuple(others.values())


@dataclass(frozen=True, slots=True)
class Passed:
    """Somebody the gate passes over, and why; ``reason`` goes on after the name."""

    person: Person
    reason: str


@dataclass(frozen=True, slots=True)
class Bench:
    """Everybody a gate could ask today, everybody it passes over and why, and which seats have nobody."""

    seats: tuple[policy.SeatRule, ...]
    candidates: tuple[Candidate, ...]
    passed_over: tuple[Passed, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def is_satisfiable(self) -> bool:
        return not self.missing

    @property
    def excluded(self) -> tuple[tuple[str, str], ...]:
        return tuple((p.person.name, p.reason) for p in self.passed_over)

    @property
    def leans_on_a_ladder(self) -> bool:
        """Whether somebody sits here only because a rung gave them authority."""
        return any(c.by.startswith(BY_RUNG) for candidate in self.candidates for c in candidate.capacities)

    def candidate(self, person_id: int) -> Candidate | None:
        return next((c for c in self.candidates if c.person.pk == person_id), None)

    def why_not(self, person_id: int) -> str:
        return "; ".join(p.reason for p in self.passed_over if p.person.pk == person_id)

    def roles_of(self) -> dict[str, frozenset[str]]:
        return {str(c.person.pk): c.roles for c in self.candidates}


@dataclass(slots=True)
class _Tally:
    origin: Provenance
    people: dict[int, Person] = field(default_factory=dict)
    capacities: dict[int, list[Capacity]] = field(default_factory=dict)
    passed: list[Passed] = field(default_factory=list)

    def seat(self, person: Person, capacity: Capacity) -> None:
        self.people[person.pk] = person
        self.capacities.setdefault(person.pk, []).append(capacity)

    def pass_over(self, person: Person, reason: str) -> None:
        self.passed.append(Passed(person, reason))


def facts_of(plan: Plan) -> dict[str, Any]:
    """What seats' conditions and authority limits look at. An input never overrides what the plan says."""
    return {
        **scalars(plan.inputs),
        "amount": plan.amount,
        "currency": plan.currency,
        "kind": plan.program.kind,
        "region": plan.program.region,
        "plugin": plan.plugin,
        "command": plan.command,
    }


def scalars(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in inputs.items() if isinstance(value, str | int | bool | Decimal)}


# ------------------------------------------------------------------ the bench of a round


def bench_of(approval: Approval) -> Bench:
    """Who may decide this round now."""
    return benches_of([approval])[approval.pk]


def benches_of(rounds: Sequence[Approval], directory: Directory | None = None) -> dict[int, Bench]:
    """The bench of each round, in a fixed number of queries. A vote cast stands when its voter goes away."""
    directory = directory or Directory.today()
    around = conflicts.around(rounds, directory)
    found = {}
    for approval in rounds:
        voted = {d.person_id for d in approval.decisions.all() if d.superseded_at is None}
        at_opening = approval.bench
        facts = facts_of(approval.plan) | at_opening.get("facts", {})
        then = {int(pk): reason for pk, reason in at_opening.get("excluded", {}).items()}
        found[approval.pk] = bench(
            approval.rules.seats,
            facts,
            around.twice[approval.pk] | then | around.excluded[approval.pk],
            directory,
            voted=voted,
            rungs=fired_rungs(approval),
            fallbacks=approval.rules.fallbacks,
            origin=provenance.kept(approval, around.askers[approval.plan_id], around.arrangements),
        )
    return found


def to_keep(approval: Approval) -> dict[str, Any]:
    """What the round keeps of today, for as long as it is open: call it when the round is opened."""
    directory, plan = Directory.today(), approval.plan
    around = conflicts.around([approval], directory)
    facts, askers = facts_of(plan), around.askers[plan.pk]
    origin = Provenance(askers, around.arrangements, None, (), plan.created_at, plan.program_id)
    asked = {seat.role for seat in approval.rules.seats} | set(approval.rules.fallbacks.values())
    asked |= {role for rung in plan.rules.ladder for role in rung.roles}
    held = [
        (approver.person_id, approver.role.slug)
        for approver in directory.holders(asked)
        if not short_of_authority(approver, facts, directory) and not origin.against(approver)
    ]
    delegations = [d.pk for d in directory.delegations if not origin.against_delegation(d)]
    return provenance.to_keep(held, delegations, askers, around.excluded[approval.pk], facts)


def fired_rungs(approval: Approval) -> list[RungRules]:
    """Rungs of open ladders about the round that gave authority to those who stand on them."""
    return [
        rung
        for case in approval.escalations.all()
        if case.state in OPEN_CASE_STATES
        for rung in case.reached
        if rung.gives_authority
    ]


def bench(
    asked: Sequence[Seat],
    facts: Mapping[str, Any],
    excluded: Mapping[int, str],
    directory: Directory | None = None,
    *,
    voted: Collection[int] = (),
    rungs: Sequence[RungRules] = (),
    fallbacks: Mapping[str, str] | None = None,
    origin: Provenance | None = None,
) -> Bench:
    """Seats that apply, people who may fill them, people passed over with the reason. Stores nothing."""
    directory = directory or Directory.today()
    tally = _Tally(origin or Provenance())
    seats = tally.origin.seats(asked, facts)
    wanted = {seat.role for seat in seats}
    takes_over = any(rung.takes_authority for rung in rungs)
    if not takes_over:
        for approver in directory.holders(wanted):
            _consider(approver, wanted, facts, directory, voted, tally)
        for delegation in directory.delegations:
            if delegation.role.slug in wanted:
                _consider_delegate(delegation, facts, directory, voted, tally)
    for rung in rungs:
        by = f"{BY_RUNG} {rung.rung} of the ladder"
        for approver in directory.holders(rung.roles):
            _consider(approver, wanted, facts, directory, voted, tally, by)
    candidates = _candidates(tally, excluded)
    if not takes_over:
        for role, cover in (fallbacks or {}).items():
            covers = list(directory.holders({cover}))
            if role in _missing(seats, candidates) or any(a.person_id in voted for a in covers):
                for approver in covers:
                    _consider_fallback(approver, role, facts, directory, voted, tally)
                candidates = _candidates(tally, excluded)
    return Bench(seats, candidates, tuple(tally.passed), _missing(seats, candidates))


def _candidates(tally: _Tally, excluded: Mapping[int, str]) -> tuple[Candidate, ...]:
    """Who is left of the tally when those are out who must not decide, and the authority of such people."""
    for pk in [pk for pk in tally.capacities if pk in excluded]:
        tally.pass_over(tally.people[pk], excluded[pk])
        del tally.capacities[pk]
    _drop_barred_authority(tally, excluded)
    return tuple(
        Candidate(tally.people[pk], tuple(sorted(found, key=lambda c: c.holder.pk != pk)))
        for pk, found in sorted(tally.capacities.items())
    )


def _missing(seats: Sequence[policy.SeatRule], candidates: Sequence[Candidate]) -> tuple[str, ...]:
    found = policy.open_seats(seats, {str(c.person.pk): c.roles for c in candidates})
    return found or _short_of_people(seats, candidates)


def _short_of_people(seats: Sequence[policy.SeatRule], candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """A principal and a delegate are two people but one authority: as many authorities as seats, too."""
    authorities: dict[str, set[str]] = {}
    for capacity in (c for candidate in candidates for c in candidate.capacities):
        authorities.setdefault(str(capacity.holder.pk), set()).add(capacity.role)
    return policy.open_seats(seats, authorities)


def _drop_barred_authority(tally: _Tally, excluded: Mapping[int, str]) -> None:
    """Nobody sits with the authority of somebody who must not decide: separation applies to both."""
    for pk, found in list(tally.capacities.items()):
        kept = [c for c in found if c.holder.pk not in excluded]
        for barred in {c.holder.pk: c.holder for c in found if c not in kept}.values():
            tally.pass_over(
                tally.people[pk], f"would use the authority of {barred}, who {excluded[barred.pk]}"
            )
        if kept:
            tally.capacities[pk] = kept
        else:
            del tally.capacities[pk]


def _consider(
    approver: Approver,
    wanted: Collection[str],
    facts: Mapping[str, Any],
    directory: Directory,
    voted: Collection[int],
    tally: _Tally,
    by: str = "",
) -> None:
    """Seat a role holder, or for who is away the substitutes; a rung's holder may fill every seat."""
    person = approver.person
    if short := short_of_authority(approver, facts, directory) or tally.origin.against(approver):
        tally.pass_over(person, short)
        return
    roles = sorted(wanted) if by else [approver.role.slug]
    for role in [*roles] if by else ():
        if reason := tally.origin.against_instead(person.pk, role):
            tally.pass_over(person, reason)
            roles.remove(role)
    absences = tuple(tally.origin.absences(directory, person.pk))
    if not absences or person.pk in voted:
        for role in roles:
            tally.seat(person, Capacity(role, person, by))
    for absence in absences:
        tally.pass_over(person, f"is away until {absence.days[1]}")
        _consider_substitute(absence, approver, roles, facts, directory, voted, tally)


def _consider_fallback(
    approver: Approver,
    role: str,
    facts: Mapping[str, Any],
    directory: Directory,
    voted: Collection[int],
    tally: _Tally,
) -> None:
    """Seat who covers a role that nobody who is here fills, within their own authority."""
    person, origin = approver.person, tally.origin
    short = short_of_authority(approver, facts, directory) or origin.against(approver)
    if short := short or origin.against_instead(person.pk, role):
        tally.pass_over(person, f"covers for {role}, but {short}")
    elif any(tally.origin.absences(directory, person.pk)) and person.pk not in voted:
        tally.pass_over(person, f"covers for {role} but is away too")
    else:
        holders = {a.person_id: a.person.name for a in directory.holders({role})}
        why = "; ".join(
            f"{passed.person} {passed.reason}" for passed in tally.passed if passed.person.pk in holders
        )
        names = tuple(holders.values())
        tally.seat(
            person, Capacity(role, person, f"{FALLBACK} {role}", names, why or f"Nobody holds {role}.")
        )


def _consider_substitute(
    absence: Absence,
    approver: Approver,
    roles: Sequence[str],
    facts: Mapping[str, Any],
    directory: Directory,
    voted: Collection[int],
    tally: _Tally,
) -> None:
    """Seat whom an absence names: somebody who holds the role too, within the smaller of both limits."""
    substitute = absence.substitute
    if substitute is None:
        return
    own = directory.holding(substitute.pk, approver.role_id)
    if not directory.is_here(substitute):
        tally.pass_over(substitute, "has left")
    elif own is None:
        tally.pass_over(substitute, f"covers for {absence.person} but does not hold {approver.role}")
    elif short := short_of_authority(own, facts, directory) or tally.origin.against(own):
        tally.pass_over(substitute, f"covers for {absence.person} but {short}")
    elif any(tally.origin.absences(directory, substitute.pk)) and substitute.pk not in voted:
        tally.pass_over(substitute, f"covers for {absence.person} but is away too")
    else:
        for role in roles:
            tally.seat(substitute, Capacity(role, absence.person, f"substitute of {absence.person}"))


def is_command_among(commands: Collection[str], facts: Mapping[str, Any]) -> bool:
    """Whether a plan of these facts is of one of ``commands``: keys, or names for that of every plugin."""
    name = facts.get("command")
    return name in commands or f"{facts.get('plugin')}:{name}" in commands


def _consider_delegate(
    delegation: Delegation,
    facts: Mapping[str, Any],
    directory: Directory,
    voted: Collection[int],
    tally: _Tally,
) -> None:
    """Not transitive: the principal's own row counts. Authority is the least of principal, cap, delegate."""
    delegate, principal, amount = delegation.delegate, delegation.principal, facts.get("amount")
    held = directory.holding(principal.pk, delegation.role_id)
    own = directory.holding(delegate.pk, delegation.role_id)
    cap = delegation.amount_cap
    if not directory.is_here(delegate):
        reason = "has left"
    elif held is None:
        reason = f"acts for {principal}, who does not hold {delegation.role}"
    elif late := tally.origin.against_delegation(delegation):
        reason = f"acts for {principal} {late}"
    elif against := tally.origin.against(held):
        reason = f"acts for {principal}, who {against}"
    elif delegation.commands and not is_command_among(delegation.commands, facts):
        reason = f"acts for {principal} only for {', '.join(delegation.commands)}"
    elif short := short_of_authority(held, facts, directory):
        reason = f"acts for {principal}, who {short}"
    elif own is not None and (short := short_of_authority(own, facts, directory)):
        reason = f"acts for {principal}, but {short}"
    elif amount is not None and cap is not None and facts.get("currency") != delegation.currency:
        reason = f"acts for {principal} in {delegation.currency} only"
    elif amount is not None and cap is not None and Decimal(str(amount)) > cap:
        reason = f"acts for {principal} up to {Money(cap, delegation.currency)} a year"
    elif any(tally.origin.absences(directory, delegate.pk)) and delegate.pk not in voted:
        reason = f"acts for {principal} but is away too"
    else:
        tally.seat(delegate, Capacity(delegation.role.slug, principal, f"delegate of {principal}"))
        return
    tally.pass_over(delegate, reason)


def short_of_authority(approver: Approver, facts: Mapping[str, Any], directory: Directory) -> str | None:
    if not approver.is_valid_at(directory.now):
        return f"does not hold {approver.role} today"
    if not directory.is_here(approver.person):
        return "has no account that is open"
    amount = facts.get("amount")
    return approver.covers(
        amount=Decimal(str(amount)) if amount is not None else None,
        currency=facts.get("currency", ""),
        kind=facts.get("kind", ""),
        region=facts.get("region", ""),
    )
