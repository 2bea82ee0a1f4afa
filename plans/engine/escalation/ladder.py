"""Escalation ladders: each rung once, empty rungs skipped, no storm after an outage, never an approval.

A case is due at a time in its row; the sweep fires what is due. After an outage only the next rung
fires and its wait counts from now.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from textwrap import shorten
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from gtm.core import actors, clock
from gtm.core.errors import GtmError, GuardNotMet, InvalidInput, Problem
from gtm.core.evidence import changelog
from gtm.core.fsm import perform
from plans.engine.escalation import clocks, rotas
from plans.engine.escalation.clocks import calendar_of, pause_case
from plans.engine.people.directory import Directory
from plans.engine.people.permissions import persons_of
from plans.engine.stopping import stopped
from plans.models import (
    ASKING_STATES,
    CLIMBING_STATES,
    OPEN_CASE_STATES,
    Approval,
    Escalation,
    Plan,
    RungFiring,
    Task,
)
from programs.models import Person

logger = logging.getLogger(__name__)

RENEWALS = 1
LONGEST_WAIT = timedelta(days=14)
BATCH = 500
OVERDUE, UNSATISFIABLE = "approval-overdue", "approval-unsatisfiable"
TASK_OVERDUE, UNATTENDED = "task-overdue", "task-unattended"
TURN, ON_CALL = "turn", "on call"
"""Event and field of the row of the change log that says whom the turn of a rota has come to."""
OF_TASKS = (TASK_OVERDUE, UNATTENDED)
"""Cases that end when their task is done, or is with somebody and in time again."""


def open_case(
    plan: Plan,
    trigger: str,
    subject: str,
    *,
    task: Task | None = None,
    approval: Approval | None = None,
    detail: str = "",
    evidence: list[dict[str, Any]] | None = None,
    asks_to_stop: bool = False,
    told_at_once: Collection[str] = (),
) -> Escalation:
    """Open a case and fire its first rung; the same trigger on the same subject counts on the open one.

    ``asks_to_stop``: nothing is published while it is open, and its ladder goes on while the plan stands
    still. ``told_at_once``: roles whose people are told now, whatever rung the ladder is on.
    """
    about = f"approval {approval.pk}" if approval else f"task {task.task_id}" if task else "plan"
    with transaction.atomic(), actors.on_their_behalf("Ladder"):
        changelog.lock_chain(plan.change_chain())
        case = Escalation.objects.filter(
            plan=plan, trigger=trigger, about=about, state__in=OPEN_CASE_STATES
        ).first()
        if case is not None:
            case.occurrences += 1
            case.evidence += [item for item in evidence or [] if item not in case.evidence]
            case.asks_to_stop |= asks_to_stop
            case.save()
            _say_who_is_told(case)
            if case.state == "paused" and asks_to_stop:
                clocks.unpause_case(case, "Its trigger asks to stop: the ladder goes on.")
            return case
        case = Escalation(
            plan=plan,
            task=task,
            approval=approval,
            about=about,
            trigger=trigger,
            subject=shorten(subject, 240, placeholder=" …"),
            detail=detail,
            evidence=evidence or [],
            ladder=[dict(rung.stored) for rung in plan.rules.ladder],
            asks_to_stop=asks_to_stop,
            told_at_once=list(told_at_once),
            due_at=clock.now(),  # a plan that is stopped climbs as soon as it goes on
        )
        case.save()
        _say_who_is_told(case)
        if asks_to_stop or (still := stopped.stands_still(plan)) is None:
            climb(case, clock.now())
        else:  # its clock stands still like every other, and starts with them
            pause_case(case, still)
    return case


def _say_who_is_told(case: Escalation) -> None:
    """Whom the call reaches, beside the ladder, as the organisation stands now: the notice goes to them."""
    if case.told_at_once:
        told = [person.name for person in Directory.today().standing(case.told_at_once)]
        reason = f"{', '.join(case.told_at_once)}: told at once, whatever the ladder has reached."
        changelog.append(case, "told at once", field="people", after=told, reason=reason)


def climb(case: Escalation, now: datetime) -> None:
    """Fire the next rung somebody stands on; without one, start over or be exhausted: the matter holds."""
    calendar, directory = calendar_of(case.plan), Directory.today()
    for rung in case.rungs[case.rung :]:
        people, passed = rotas.standing(rung, case.plan, directory)
        why_empty = "Nobody holds a role of this rung today."
        if rung.rota is not None:
            why_empty = f"Nobody stands on this rung today: {'; '.join(passed)}."
        firing = RungFiring(
            case=case,
            cycle=case.cycle,
            rung=rung.rung,
            role="/".join(rung.stands)[:80],
            notified=[{"name": p.name, "email": p.email} for p in people],
            skipped_reason="" if people else why_empty[:240],
            fired_at=now,
        )
        firing.save()
        due = calendar.add_hours(now, rung.hours) if people else now
        told = "; ".join([", ".join(p.name for p in people) or "nobody; skipped", *passed])
        perform(
            case,
            "notify",
            comment=f"Rung {rung.rung} ({firing.role}): {told}.",
            set_fields={"rung": rung.rung, "due_at": due, "renewals": 0, "owner": None},
        )
        if people:
            return
    if case.cycle <= case.plan.rules.ladder_repeats:
        again = {"cycle": case.cycle + 1, "rung": 0, "due_at": now}
        perform(case, "start_over", comment="The ladder starts again.", set_fields=again)
        climb(case, now)
        return
    perform(
        case,
        "exhaust",
        comment="The last rung has not answered. The case is on hold. Silence never approves.",
        set_fields={"due_at": None},
    )
    if case.approval is not None and case.trigger in (OVERDUE, UNSATISFIABLE):
        _give_up(case.approval)


def _give_up(approval: Approval) -> None:
    """Nobody on the ladder answered: the round is on hold until people vote, or rejected where declared.

    A round nobody can decide holds as it is: people who come bring it back.
    """
    approval.refresh_from_db()
    if approval.state not in ASKING_STATES:
        return
    reason = "The last rung of the ladder has not answered."
    if approval.rules.on_exhausted == "hold":
        if approval.state == "pending":
            perform(approval, "exhaust", comment=reason, set_fields={"decided_at": clock.now()})
        return
    perform(approval, "reject", comment=reason, set_fields={"decided_at": clock.now()})
    settle(approval=approval, reason=f"{approval.title} was rejected.")
    perform(approval.plan, "reject", comment=reason, set_fields={"finished_at": clock.now()})


def open_cases(trigger: str) -> QuerySet[Escalation]:
    return Escalation.objects.filter(trigger=trigger, state__in=OPEN_CASE_STATES)


def fire_due(now: datetime) -> int:
    """Fire every case whose time has come, one rung each. Safe to run twice: a fired rung has moved on."""
    due = Escalation.objects.filter(state__in=CLIMBING_STATES, due_at__lte=now).select_related(
        "plan", "plan__program"
    )
    fired = 0
    for case in due.order_by("due_at")[:BATCH]:
        try:
            fired += fire(case, now)
        except GtmError as error:
            logger.warning("the ladder passed over %s: %s", case, error.detail)
    return fired


def fire(case: Escalation, now: datetime) -> bool:
    """Fire the next rung if the case is due. Looks again under the lock: somebody may have been faster."""
    with transaction.atomic():
        changelog.lock_chain(case.change_chain())
        case.refresh_from_db()
        is_due = case.state in CLIMBING_STATES and case.due_at is not None and case.due_at <= now
        if not is_due or (stopped.is_stopped(case.plan) and not case.asks_to_stop):
            return False
        climb(case, now)
        return True


def tell_turns(now: datetime) -> int:
    """Tell whoever the turn of a rota has come to of the cases that nobody has in hand; each once a rung."""
    waiting = Escalation.objects.filter(state="notified", owner=None, ladder__icontains='"rota"')
    found, directory = 0, Directory.today()
    for case in waiting.select_related("plan__program").order_by("due_at", "pk")[:BATCH]:
        rota = case.rungs[case.rung - 1].rota
        if rota is not None and not stopped.is_stopped(case.plan):
            found += _tell_turn(case, rotas.on_call(rota, case.plan.program, directory).person)
    return found


def _tell_turn(case: Escalation, person: Person | None) -> bool:
    """Look again under the lock: somebody may have taken it, or another sweep have told them."""
    if person is None:
        return False
    with _locked(case):
        firing = case.firings.filter(cycle=case.cycle, rung=case.rung).first()
        told = [one["email"] for one in firing.notified] if firing is not None else []
        if firing is None or case.state != "notified" or case.owner_id or person.email in told:
            return False
        firing.notified = [*firing.notified, {"name": person.name, "email": person.email}]
        firing.save()
        to = {"person_id": person.pk, "name": person.name}
        changelog.append(case, TURN, field=ON_CALL, after=to, reason=f"{person} is on call now.")
        return True


def acknowledge(case: Escalation, *, comment: str = "") -> Escalation:
    """ "I have it": the climb stops for the rung's time, once renewable, then goes on from the next rung."""
    with _locked(case):
        hours = case.rungs[max(case.rung, 1) - 1].hours
        due = calendar_of(case.plan).add_hours(clock.now(), hours)
        if case.state == "acknowledged":
            _refuse_renewal(case)
            perform(case, "renew", comment=comment, set_fields={"due_at": due, "renewals": case.renewals + 1})
        else:
            fields = {"due_at": due, "acknowledged_by": _acting_person()}
            perform(case, "acknowledge", comment=comment, set_fields=fields)
    return case


def hand_over(case: Escalation, *, owner: Person, comment: str) -> Escalation:
    """Give the case to somebody else on a rung that it has reached. The clock goes on as it was.

    Raises InvalidInput for somebody who stands on none of these rungs.
    """
    with _locked(case):
        beside = able_to_take(case)
        if owner.pk not in {person.pk for person in beside}:
            why = "has it already." if owner.pk == case.owner_id else "stands on no rung that was reached."
            problem = Problem("owner", f"{owner} {why}", tuple(person.name for person in beside))
            raise InvalidInput("The case was not handed over.", problems=[problem])
        perform(case, "hand_over", comment=comment, set_fields={"owner": owner, "acknowledged_by": None})
    return case


def able_to_take(case: Escalation) -> list[Person]:
    """Whom the case can be handed to: those who stand on its reached rungs or were told at once, today."""
    directory = Directory.today()
    reached = {slug for rung in case.reached for slug in rung.roles} | set(case.told_at_once)
    found = [*directory.standing(reached), *rotas.takers(case.reached, directory)]
    return [p for p in {person.pk: person for person in found}.values() if p.pk != case.owner_id]


def wait(case: Escalation, *, until: datetime, comment: str) -> Escalation:
    """Nothing to do before ``until``: the climb goes on then. As often as an acknowledgement is renewed.

    Raises InvalidInput for a time that has passed or lies further ahead than ``LONGEST_WAIT``.
    """
    now = clock.now()
    if not now < until <= now + LONGEST_WAIT:
        said = f"must be later than now, and at most {LONGEST_WAIT.days} days ahead."
        raise InvalidInput("The case does not wait.", problems=[Problem("until", said)])
    with _locked(case):
        _refuse_renewal(case)
        renewals = case.renewals + 1 if case.state == "acknowledged" else case.renewals
        fields = {"due_at": until, "acknowledged_by": _acting_person(), "renewals": renewals}
        perform(case, "wait", comment=f"Until {until:%Y-%m-%d %H:%M} UTC. {comment}", set_fields=fields)
    return case


def escalate_now(case: Escalation, *, comment: str) -> Escalation:
    """Notify the next rung at once instead of when its time has come."""
    with _locked(case):
        now = clock.now()
        perform(case, "escalate_now", comment=comment, set_fields={"due_at": now})
        with actors.on_their_behalf("Ladder"):
            climb(case, now)
    return case


def _refuse_renewal(case: Escalation) -> None:
    if case.state == "acknowledged" and case.renewals >= RENEWALS:
        raise GuardNotMet(
            "An acknowledgement can be renewed only once. Resolve the case, or the next rung is notified."
        )


def _acting_person() -> Person | None:
    return next(iter(persons_of(actors.current().actor.user)), None)


@contextmanager
def _locked(case: Escalation) -> Iterator[None]:
    with transaction.atomic():
        changelog.lock_chain(case.change_chain())
        case.refresh_from_db()
        yield


def resolve(case: Escalation, *, remediation: str) -> Escalation:
    """Close the case. It takes a sentence on what was done."""
    if not remediation.strip():
        raise GuardNotMet("Say what was done.", problems=[Problem("remediation", "is required.")])
    fields = {"remediation": remediation, "closed_at": clock.now(), "due_at": None}
    perform(case, "resolve", comment=remediation, set_fields=fields)
    return case


def end_all(plan: Plan, comment: str) -> None:
    """The plan is over: what nobody resolved ends with it, with the comment as its remediation."""
    fields = {"closed_at": clock.now(), "due_at": None, "remediation": comment}
    for case in Escalation.objects.filter(plan=plan, state__in=OPEN_CASE_STATES):
        perform(case, "cancel", comment=comment, set_fields=fields)


def close_remedied(plan: Plan, trigger: str, remediation: str) -> None:
    """The cases of a trigger that asked to stop are answered: people have said what was remedied."""
    with actors.on_their_behalf("Ladder"):
        for case in open_cases(trigger).filter(plan=plan, asks_to_stop=True):
            fields = {"remediation": remediation, "closed_at": clock.now(), "due_at": None}
            perform(case, "settle", comment=remediation, set_fields=fields)


def settle(
    *, reason: str, task: Task | None = None, approval: Approval | None = None, trigger: str = ""
) -> None:
    """The subject is decided: its open cases and their pending rungs end in the same transaction.

    With a ``trigger`` only those cases.
    """
    cases = Escalation.objects.filter(state__in=OPEN_CASE_STATES)
    cases = cases.filter(task=task) if task is not None else cases.filter(approval=approval)
    cases = cases.filter(trigger=trigger) if trigger else cases
    with actors.on_their_behalf("Ladder"):
        for case in cases:
            perform(case, "cancel", comment=reason, set_fields={"closed_at": clock.now(), "due_at": None})
