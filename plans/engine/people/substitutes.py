"""Who does the work of somebody who is away: chosen, told, and on record with everybody who was passed over.

Asked in this order: whom the absence names, the delegate for the role, others who hold the role, and those of
the task's fallback role. Whoever stands in may do such work for this program and was not chosen by the people
who asked for the plan or edited it. Where nobody can, the ladder is told at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from gtm.core import actors, clock
from gtm.core.evidence import changelog
from gtm.core.fsm import perform
from plans.engine.escalation import ladder
from plans.engine.escalation.clocks import calendar_of, times_of
from plans.engine.gates import conflicts, eligibility, future_rounds
from plans.engine.people.directory import Directory
from plans.engine.running.fair_share import a_share
from plans.engine.stopping import stopped
from plans.models import (
    AT_WORK_PLAN_STATES,
    OPEN_CASE_STATES,
    WITH_PEOPLE,
    Escalation,
    Plan,
    Task,
    TaskKind,
)
from plans.selectors import DONE_IN_PLACE, PLAN_DOCUMENTS, STANDS_IN
from programs.models import Absence, Delegation, Person

LOOKED_AT_ONCE = 100
SUBSTITUTE_HOURS = 8
"""Working time in which the substitute of a step that failed answers."""
STAND_IN = "stand-in"
"""The field under which the change log keeps who stands in."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """Who does it (nobody where ``person`` is None), for which role and by what, and who was passed over."""

    person: Person | None = None
    role: str = ""
    by: str = ""
    passed_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Offer:
    """Somebody who could stand in. ``roles``: one of them has to be held; none where the role is lent."""

    person: Person
    roles: tuple[str, ...]
    by: str
    chosen_by: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Choosers:
    """Who asked for a plan or edited it, and who chose a substitute or a delegate; people by primary key."""

    askers: Mapping[int, Collection[int]] = field(default_factory=dict)
    of_absence: Mapping[int, Collection[int]] = field(default_factory=dict)
    of_delegation: Mapping[int, Collection[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, plans: Iterable[Plan], directory: Directory) -> Choosers:
        """A fixed number of queries, whatever the number of plans."""
        accounts = conflicts.people_of_accounts()
        absences = {a.pk: a.substitute_id for rows in directory.absences.values() for a in rows}
        delegates = {d.pk: d.delegate_id for d in directory.delegations}
        return cls(
            conflicts.askers_of({plan.pk: plan for plan in plans}, accounts),
            _chose(Absence.history.filter(id__in=absences), "substitute_id", absences, accounts),
            _chose(Delegation.history.filter(id__in=delegates), "delegate_id", delegates, accounts),
        )


def _chose(
    rows: QuerySet[Any],
    named: str,
    now: Mapping[int, int | None],
    accounts: Mapping[int | None, Collection[int]],
) -> dict[int, set[int]]:
    """Whoever first wrote the name that stands there now."""
    found: dict[int, set[int]] = {}
    for pk, person, user in rows.order_by("history_id").values_list("id", named, "history_user_id"):
        if person is not None and person == now[pk]:
            found.setdefault(pk, set(accounts.get(user, ())))
    return found


# ------------------------------------------------------------------ choosing


def why_away(person: Person, directory: Directory) -> str:
    """Why this person cannot do it now, to go on after the name; empty where they are here."""
    if not person.is_active:
        return "has left"
    absences = directory.absences.get(person.pk, ())
    last = max(absences, key=lambda one: one.ends_at, default=None)
    return f"is away until {last.days[1]}" if last else ""


def because(lead: str, why: str) -> str:
    """The sentence that says why somebody else is asked; a ``why`` of several leads names them itself."""
    names = lead.split(", ")
    return f"{why}." if why.startswith(names[0]) else f"{lead} {why}."


def choose(task: Task, directory: Directory, choosers: Choosers) -> StandIn:
    """Who does the task while its owner is away."""
    return _first(_offers(task, directory, choosers), task, directory, choosers, but=task.owner_id)


def _first(
    offers: Iterable[_Offer], task: Task, directory: Directory, choosers: Choosers, but: int | None = None
) -> StandIn:
    """The first who may, each looked at once; never ``but``.

    Who decided at a gate that guards the task is the last to be asked.
    """
    passed: list[str] = []
    seen, judge = {but}, None
    for offer in offers:
        if offer.person.pk in seen:
            continue
        seen.add(offer.person.pk)
        role, reason = _role_held(offer, task, directory)
        reason = why_away(offer.person, directory) or reason
        if not reason and offer.chosen_by & set(choosers.askers.get(task.plan_id, ())):
            reason = "was chosen by somebody who asked for this plan or edited it"
        if not reason and conflicts.why_no_owner(task, offer.person):
            judge = judge or (offer.person, role, offer.by)
        elif not reason:
            return StandIn(offer.person, role, offer.by, tuple(passed))
        else:
            passed.append(f"{offer.person} ({offer.by}) {reason}")
    return StandIn(*judge, tuple(passed)) if judge else StandIn(passed_over=tuple(passed))


def _offers(task: Task, directory: Directory, choosers: Choosers) -> Iterator[_Offer]:
    """What was arranged for the lead; whom a substitute named for their own absence is not asked."""
    lead, agent = task.covers_for or task.owner, task.agent.slug
    cover = task.fallback_agent.slug if task.fallback_agent else ""
    roles = tuple(role for role in (agent, cover) if role)
    if task.covers_for is not None:
        yield _Offer(task.covers_for, roles, "whose task it was")
    assert lead is not None, f"{task} has no owner, so nobody stands in for one"
    for absence in directory.absences.get(lead.pk, ()):
        if absence.substitute is not None:
            chosen_by = frozenset(choosers.of_absence.get(absence.pk, ()))
            yield _Offer(absence.substitute, roles, f"substitute of {lead}", chosen_by)
    for lent in directory.delegations:
        if (lent.principal_id, lent.role_id) == (lead.pk, task.agent_id) and _covers(lent, task.plan):
            chosen_by = frozenset(choosers.of_delegation.get(lent.pk, ()))
            yield _Offer(lent.delegate, (), f"delegate of {lead}", chosen_by)
    for approver in directory.holders({agent}):
        yield _Offer(approver.person, (agent,), f"holds {agent} too")
    for approver in directory.holders({cover} if cover else ()):
        yield _Offer(approver.person, (cover,), f"fallback for {agent}")


def _covers(lent: Delegation, plan: Plan) -> bool:
    return not lent.commands or eligibility.is_command_among(lent.commands, eligibility.facts_of(plan))


def _role_held(offer: _Offer, task: Task, directory: Directory) -> tuple[str, str]:
    """The role by which somebody may do it, and why they may not. Amounts are signed at gates, not here."""
    if not offer.roles:
        return task.agent.slug, ""
    facts = eligibility.facts_of(task.plan) | {"amount": None}
    held = [a for a in directory.holders(offer.roles) if a.person_id == offer.person.pk]
    reasons = []
    for approver in sorted(held, key=lambda a: offer.roles.index(a.role.slug)):
        if short := eligibility.short_of_authority(approver, facts, directory):
            reasons.append(short)
        else:
            return approver.role.slug, ""
    return "", "; ".join(reasons) or f"does not hold {' or '.join(offer.roles)}"


# ------------------------------------------------------------------ handing on


def hand_on(task: Task, directory: Directory | None = None, choosers: Choosers | None = None) -> bool:
    """Give a task of somebody who is away to whoever stands in. Call it with the chain locked.

    Answers whether it went to somebody. Where nobody can take it the case is opened, once.
    """
    if task.owner is None:
        return False
    directory = directory or Directory.today()
    why = why_away(task.owner, directory)
    if not why:
        return False
    found = choose(task, directory, choosers or Choosers.of([task.plan], directory))
    if found.person is None:
        _tell_ladder(task, why, found)
        return False
    lead = task.owner
    with actors.on_their_behalf("Substitutes") as acting:
        reason = f"{lead} {why}."
        with actors.acting_as(acting.actor, reason, acting.on_behalf_of):
            is_back = task.covers_for_id == found.person.pk
            task.covers_for = None if is_back else task.covers_for or lead
            task.owner = found.person
            task.save()
            changelog.append(
                task,
                STANDS_IN,
                field=STAND_IN,
                before=lead.name,
                after=_told(found, lead, why, [task.task_id]),
                reason=reason,
            )
        ladder.settle(
            task=task, trigger=ladder.UNATTENDED, reason=f"{found.person} does it in place of {lead}."
        )
    return True


def _told(found: StandIn, lead: Person | None, why: str, task_ids: Sequence[str]) -> dict[str, Any]:
    """What the change log, the message and the plan JSON say of it."""
    return {
        "person": found.person.name if found.person else None,
        "person_id": found.person.pk if found.person else None,
        "for": lead.name if lead else None,
        "why": why,
        "role": found.role,
        "by": found.by,
        "tasks": list(task_ids),
        "passed_over": list(found.passed_over),
    }


def _tell_ladder(task: Task, why: str, found: StandIn) -> None:
    open_cases = task.escalations.filter(trigger=ladder.UNATTENDED, state__in=OPEN_CASE_STATES)
    if open_cases.exists():
        return
    detail = "; ".join(found.passed_over) or "No substitute is named and nobody else holds its roles."
    subject = f"{task}: {task.owner} {why} and nobody stands in"
    ladder.open_case(task.plan, ladder.UNATTENDED, subject, task=task, detail=detail)


def sweep(now: datetime) -> int:
    """Hand on the ready tasks whose owners have gone away; a fixed number of queries where nothing moves."""
    waiting = _left_alone(now)
    waiting = waiting.select_related("plan__program", "agent", "fallback_agent", "owner", "covers_for")
    waiting = waiting.defer(*(f"plan__{name}" for name in PLAN_DOCUMENTS), "output")
    known = Escalation.objects.filter(
        task=OuterRef("pk"), trigger=ladder.UNATTENDED, state__in=OPEN_CASE_STATES
    )
    tasks = a_share(waiting.annotate(ladder_knows=Exists(known)).order_by("pk"), LOOKED_AT_ONCE)
    if not tasks:
        return 0
    directory = Directory.today()
    choosers = Choosers.of([task.plan for task in tasks], directory)
    moved = 0
    for task in tasks:
        if choose(task, directory, choosers).person is not None or not task.ladder_knows:
            moved += _hand_on_locked(task, directory, choosers)
    return moved


def _left_alone(now: datetime) -> QuerySet[Task]:
    """Tasks that are with people, by owners who are away or have left."""
    away = Absence.objects.filter(person=OuterRef("owner"), starts_at__lte=now, ends_at__gt=now)
    tasks = Task.objects.filter(WITH_PEOPLE, plan__state__in=AT_WORK_PLAN_STATES)
    return tasks.filter(Q(Exists(away)) | Q(owner__is_active=False), owner__isnull=False, frozen_at=None)


def _hand_on_locked(task: Task, directory: Directory, choosers: Choosers) -> bool:
    """Look again under the lock: it may be done, or with somebody else, by now."""
    with transaction.atomic():
        changelog.lock_chain(task.change_chain())
        task.refresh_from_db()
        if not _left_alone(directory.now).filter(pk=task.pk).exists() or stopped.is_stopped(task.plan):
            return False
        return hand_on(task, directory, choosers)


# ------------------------------------------------------------------ a step that failed


def take_over(task: Task, message: str, told: Mapping[str, Any]) -> bool:
    """Give a step that failed to a person of its substitute role, with what failed. Call it under the lock.

    Answers False, and changes nothing, where nobody of that role is there.
    """
    directory = Directory.today()
    choosers = Choosers.of([task.plan], directory)
    lead = task.owner
    assert task.fallback_agent is not None, f"{task} has no substitute"
    found = _first(_of_role(task, task.fallback_agent.slug, directory), task, directory, choosers)
    if found.person is None:
        return False
    due_at = calendar_of(task.plan).add_hours(clock.now(), SUBSTITUTE_HOURS)
    times = times_of(task.plan, clock.now(), due_at)
    with actors.on_their_behalf("Substitutes"):
        task.owner, task.covers_for = found.person, lead if lead != found.person else None
        task.save()
        fields = {**told, **times, "frozen_at": None}
        perform(task, "hand_to_person", comment=message, set_fields=fields)
        changelog.append(
            task,
            STANDS_IN,
            field=STAND_IN,
            before=lead.name if lead else task.agent.name,
            after=_told(found, lead, f"failed: {message}", [task.task_id]) | {"for": task.agent.name},
            reason=message,
        )
    return True


def _of_role(task: Task, role: str, directory: Directory) -> Iterator[_Offer]:
    for approver in directory.holders({role}):
        yield _Offer(approver.person, (role,), f"fallback for {task.agent.slug}")


# ------------------------------------------------------------------ at the start, and when it is done


def announce(plan: Plan) -> None:
    """At the start: say who stands in for each lead and each approver of the plan who is away.

    Tasks and gates stay with their lead until they are to be done: whoever is back by then does them.
    """
    tasks = plan.tasks.exclude(kind=TaskKind.GATE).exclude(owner=None)
    directory = Directory.today()
    if not directory.absences:
        return
    _announce_at_gates(plan, directory)
    away: defaultdict[tuple[int, int, int | None], list[Task]] = defaultdict(list)
    people = tasks.select_related("agent", "fallback_agent", "owner", "covers_for").order_by("position")
    for task in people:
        if task.owner is not None and why_away(task.owner, directory):
            task.plan = plan
            away[task.owner.pk, task.agent_id, task.fallback_agent_id].append(task)
    if not away:
        return
    choosers = Choosers.of([plan], directory)
    with actors.on_their_behalf("Substitutes"):
        for together in away.values():
            first, numbers = together[0], [task.task_id for task in together]
            assert first.owner is not None, f"{first} was kept because its owner is away"
            why = why_away(first.owner, directory)
            found = choose(first, directory, choosers)
            changelog.append(
                plan,
                STANDS_IN,
                field=STAND_IN,
                before=first.owner.name,
                after=_told(found, first.owner, why, numbers),
                reason=f"{first.owner} {why}.",
            )


def _announce_at_gates(plan: Plan, directory: Directory) -> None:
    """Who would decide at each gate in the place of somebody who is away today."""
    numbers = dict(plan.tasks.filter(kind=TaskKind.GATE).values_list("key", "task_id"))
    with actors.on_their_behalf("Substitutes"):
        for gate in plan.rules.gates:
            found = future_rounds.who_must_approve(plan, gate)
            for person, seat in ((c.person, seat) for c in found.candidates for seat in c.capacities):
                lead, why = ", ".join(seat.instead_of), seat.why
                if seat.holder.pk != person.pk:
                    lead, why = seat.holder.name, why_away(seat.holder, directory)
                if lead and why:
                    told = StandIn(person, seat.role, seat.by)
                    after = _told(told, None, why, [numbers[gate.key]]) | {"for": lead}
                    reason = because(lead, why)
                    changelog.append(plan, STANDS_IN, field=STAND_IN, before=lead, after=after, reason=reason)


def record_done(task: Task, people: Sequence[Person]) -> None:
    """Whoever has just done the task did it in somebody's place: that is on record, with both names."""
    person = next(iter(people), None)
    if person is None:
        return
    directory = Directory.today()
    holds = {a.role.slug for a in directory.approvers if a.person_id == person.pk}
    covered = task.covers_for if task.owner_id == person.pk else None
    is_own = task.agent.slug in holds or (task.owner_id == person.pk and task.kind == TaskKind.HUMAN)
    if covered is None and (is_own or task.fallback_agent is None or task.fallback_agent.slug not in holds):
        return
    lead = covered or task.owner
    why = why_away(lead, directory) if lead else "is nobody"
    cover = task.fallback_agent.slug if task.fallback_agent else ""
    told = {
        "person": person.name,
        "person_id": person.pk,
        "for": lead.name if lead else task.agent.name,
        "why": (task.error or {}).get("message") or why or "was here; the substitute did it",
        "role": next((role for role in (task.agent.slug, cover) if role in holds), ""),
        "tasks": [task.task_id],
    }
    changelog.append(task, DONE_IN_PLACE, field=STAND_IN, before=told["for"], after=told)


def here_today(person: Person) -> bool:
    """Whether somebody is active and not away now."""
    now = clock.now()
    return person.is_active and not person.absences.filter(starts_at__lte=now, ends_at__gt=now).exists()
