"""Who may decide at a gate, and why others may not.

Roles and authority, absences with substitutes, delegations, and separation of duties by person.
Superusers are not exempt: nothing here asks for ``is_superuser``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q

from gtm.core import actors, clock
from plans.engine import policy
from plans.models import Approval, Decision, Plan, Task
from programs.models import Absence, Approver, Delegation, Person


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may sit, for which roles, and for whom where they stand in."""

    person: Person
    roles: frozenset[str]
    stands_in_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bench:
    """Everybody a gate could ask today, everybody it must not ask and why, and whether it can be filled."""

    seats: tuple[policy.SeatRule, ...]
    candidates: tuple[Candidate, ...]
    excluded: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def is_satisfiable(self) -> bool:
        return not self.missing

    def roles_of(self) -> dict[str, frozenset[str]]:
        return {str(c.person.pk): c.roles for c in self.candidates}


@dataclass(slots=True)
class _Tally:
    roles: dict[int, set[str]] = field(default_factory=dict)
    people: dict[int, Person] = field(default_factory=dict)
    standing_in: dict[int, list[str]] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def seat(self, person: Person, role: str, stands_in_for: str = "") -> None:
        self.people[person.pk] = person
        self.roles.setdefault(person.pk, set()).add(role)
        if stands_in_for:
            self.standing_in.setdefault(person.pk, []).append(stands_in_for)


def facts_of(plan: Plan) -> dict[str, Any]:
    """What seats' conditions and authority limits look at."""
    return {
        "amount": plan.amount,
        "currency": plan.currency,
        "kind": plan.program.kind,
        "region": plan.program.region,
        "command": plan.command,
        **{key: value for key, value in plan.inputs.items() if isinstance(value, str | int | bool)},
    }


def bench_of(approval: Approval) -> Bench:
    """Who may decide this round now."""
    excluded = exclusions(approval.plan, approval.task, approval)
    return bench(approval.policy, facts_of(approval.plan), excluded)


def bench(gate: Mapping[str, Any], facts: Mapping[str, Any], excluded: Mapping[int, str]) -> Bench:
    """Seats that apply, people who may fill them, people passed over with the reason. Stores nothing."""
    now = clock.now()
    seats = policy.applying_seats(gate["seats"], facts)
    wanted = {seat.role for seat in seats}
    tally = _Tally()
    away = _absences(now)
    rows = Approver.objects.filter(role__slug__in=wanted, person__is_active=True)
    for approver in rows.select_related("person", "role").order_by("pk"):
        _consider(approver, facts, away, now, tally)
    _add_delegates(wanted, facts, now, tally)
    for pk in list(tally.roles):
        if pk in excluded:
            tally.skipped.append((tally.people[pk].name, excluded[pk]))
            del tally.roles[pk]
    candidates = tuple(
        Candidate(tally.people[pk], frozenset(roles), tuple(tally.standing_in.get(pk, ())))
        for pk, roles in sorted(tally.roles.items())
    )
    missing = policy.open_seats(seats, {str(c.person.pk): c.roles for c in candidates})
    return Bench(seats, candidates, tuple(tally.skipped), missing)


def _consider(
    approver: Approver, facts: Mapping[str, Any], away: Mapping[int, Absence], now: datetime, tally: _Tally
) -> None:
    name = approver.person.name
    if not approver.is_valid_at(now):
        tally.skipped.append((name, f"does not hold {approver.role} today"))
        return
    if short := _authority(approver, facts):
        tally.skipped.append((name, short))
        return
    absence = away.get(approver.person_id)
    if absence is None:
        tally.seat(approver.person, approver.role.slug)
        return
    tally.skipped.append((name, f"is away until {absence.ends_at:%Y-%m-%d}"))
    substitute = absence.substitute
    if substitute is not None and substitute.is_active and substitute.pk not in away:
        tally.seat(substitute, approver.role.slug, name)


def _authority(approver: Approver, facts: Mapping[str, Any]) -> str | None:
    amount = facts.get("amount")
    return approver.covers(
        amount=Decimal(str(amount)) if amount is not None else None,
        currency=facts.get("currency", ""),
        kind=facts.get("kind", ""),
        region=facts.get("region", ""),
    )


def _absences(now: datetime) -> dict[int, Absence]:
    rows = Absence.objects.filter(starts_at__lte=now, ends_at__gt=now).select_related("substitute")
    return {absence.person_id: absence for absence in rows}


def _add_delegates(wanted: set[str], facts: Mapping[str, Any], now: datetime, tally: _Tally) -> None:
    """Delegations are not transitive: the principal's own authority counts, and the smaller of both."""
    active = Delegation.objects.filter(
        role__slug__in=wanted,
        revoked_at__isnull=True,
        starts_at__lte=now,
        ends_at__gt=now,
        delegate__is_active=True,
    ).select_related("principal", "delegate", "role")
    amount = facts.get("amount")
    for delegation in active:
        own = Approver.objects.filter(person=delegation.principal, role=delegation.role).first()
        name = f"{delegation.delegate.name} for {delegation.principal.name}"
        if own is None or not own.is_valid_at(now):
            tally.skipped.append((name, f"{delegation.principal.name} does not hold {delegation.role}"))
        elif delegation.commands and facts.get("command") not in delegation.commands:
            tally.skipped.append((name, f"is delegated only for {', '.join(delegation.commands)}"))
        elif short := _authority(own, facts):
            tally.skipped.append((name, short))
        elif (
            amount is not None
            and delegation.amount_cap is not None
            and (facts.get("currency") != delegation.currency or Decimal(str(amount)) > delegation.amount_cap)
        ):
            tally.skipped.append(
                (name, f"is delegated up to {delegation.amount_cap:,.2f} {delegation.currency}")
            )
        else:
            tally.seat(delegation.delegate, delegation.role.slug, delegation.principal.name)


def exclusions(plan: Plan, task: Task, approval: Approval | None = None) -> dict[int, str]:
    """Separation of duties, by person: who must not decide here, and the rule that says so."""
    found: dict[int, str] = {}
    if plan.requested_by_id:
        for person in Person.objects.filter(accounts=plan.requested_by_id):
            found[person.pk] = "asked for this run: nobody approves their own request"
    editors = plan.history.exclude(history_user=None).filter(history_type="~", state="draft")
    for person in Person.objects.filter(accounts__in=editors.values("history_user")):
        found.setdefault(person.pk, "edited what is to be approved")
    for owner in Person.objects.filter(owned_tasks__in=_gated_by(task)):
        found.setdefault(owner.pk, "owns a task this gate guards")
    worked = Q(accounts__taskattempt__task__plan=plan, accounts__taskattempt__executor="person")
    for person in Person.objects.filter(worked):
        found.setdefault(person.pk, "did a task of this plan by hand")
    if approval is not None and approval.policy.get("distinct_from"):
        others = Decision.objects.filter(
            approval__plan=plan,
            approval__gate__in=approval.policy["distinct_from"],
            superseded_at__isnull=True,
        )
        for person in Person.objects.filter(decisions__in=others):
            found.setdefault(person.pk, "decided another stage of this plan")
    for delegation in Delegation.objects.filter(principal__in=list(found), revoked_at__isnull=True):
        found.setdefault(delegation.delegate_id, f"acts for somebody who {found[delegation.principal_id]}")
    return found


def _gated_by(task: Task) -> Any:
    """Tasks of people that this gate lets through: who executes does not approve."""
    return Task.objects.filter(plan=task.plan, needs=task, kind="human")


def approvability(declaration: Mapping[str, Any], draft: Any) -> tuple[bool, str]:
    """Whether people who are here today can fill every gate of a run that is not stored yet."""
    from_inputs = {k: v for k, v in draft.inputs.items() if isinstance(v, str | int | bool)}
    facts = {
        **from_inputs,
        "amount": draft.amount,
        "currency": draft.currency,
        "kind": draft.program.kind,
        "region": draft.program.region,
        "command": draft.command.name,
    }
    excluded = requester_exclusion()
    sentences, all_filled = [], True
    for gate in declaration["gates"]:
        found = bench(gate, facts, excluded)
        all_filled &= found.is_satisfiable
        if found.missing:
            passed_over = "; ".join(f"{name} {reason}" for name, reason in found.excluded)
            sentences.append(
                f"{gate['title']}: nobody for {', '.join(found.missing)}"
                + (f" ({passed_over})" if passed_over else "")
            )
        else:
            sentences.append(f"{gate['title']}: {', '.join(sorted(c.person.name for c in found.candidates))}")
    return all_filled, ". ".join(sentences) or "No gate."


def requester_exclusion() -> dict[int, str]:
    user = actors.current().actor.user
    people = Person.objects.filter(accounts=user) if user is not None else []
    return {p.pk: "asked for this run: nobody approves their own request" for p in people}
