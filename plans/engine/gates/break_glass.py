"""Break-glass: two people, one of them outside the plan's chain, for one round, within 24 hours.

Off unless the installation switches it on (GTM_BREAK_GLASS). The round is marked "bypassed" for ever, and
a review is owed within two business days; until then the plan cannot close.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from gtm.core import actors, clock
from gtm.core.errors import GuardNotMet, NotPermitted, Problem, StaleVersion
from gtm.core.evidence import changelog
from gtm.core.fsm import perform
from plans.engine.escalation import ladder
from plans.engine.escalation.clocks import calendar_of
from plans.engine.gates import conflicts, tally
from plans.engine.people.directory import Directory
from plans.engine.people.permissions import persons_of, why_not_ours
from plans.engine.running import flow
from plans.engine.stopping import stopped as stops
from plans.models import DECIDABLE_STATES, OPEN_CASE_STATES, Approval, BreakGlass
from plans.selectors import break_glass_uses
from programs.models import Person

logger = logging.getLogger(__name__)

LONGEST = timedelta(hours=24)
REVIEW_WITHIN = 2  # business days
REVIEW_OWED = "break-glass-review"


def ask(approval: Approval, *, reason: str, hours: float = 24) -> BreakGlass:
    """Ask to let the plan past this round. Raises NotPermitted where break-glass is off or not allowed."""
    if not reason.strip():
        raise GuardNotMet("Say why.", problems=[Problem("reason", "is required.", code="required")])
    if not 0 < hours <= LONGEST / timedelta(hours=1):  # before a span of it, which has an end
        raise GuardNotMet(
            "Break-glass ends within 24 hours.", problems=[Problem("hours", "must be over 0, at most 24.")]
        )
    with transaction.atomic():
        person = _person_at(approval)
        row = BreakGlass(
            approval=approval,
            reason=reason,
            scope_sha256=approval.scope_sha256,
            asked_by=person,
            expires_at=clock.now() + timedelta(hours=hours),
        )
        row.save()
    return row


def agree(row: BreakGlass, *, comment: str) -> BreakGlass:
    """The second person agrees: the gate is bypassed, marked, and a review is owed."""
    with transaction.atomic():
        approval = row.approval
        person = _person_at(approval)
        row.refresh_from_db()
        if person.pk == row.asked_by_id:
            raise NotPermitted(f"{person} asked for break-glass. A second person must agree.")
        if clock.now() >= row.expires_at:
            raise GuardNotMet("The request has expired. Ask again.")
        if row.scope_sha256 != approval.scope_sha256:
            raise StaleVersion("The content has changed since break-glass was asked for.")
        if not _is_outside(row, person.pk):
            raise NotPermitted("One of the two people must have no other part in the plan.")
        now, calendar = clock.now(), calendar_of(approval.plan)
        due = calendar.opening(calendar.add_business_days(now.date(), REVIEW_WITHIN))[1]
        fields = {"agreed_by": person, "granted_at": now, "review_due_at": due}
        perform(row, "grant", comment=comment, set_fields=fields)
        told = f"Break-glass by {row.asked_by} and {person}: {row.reason}"
        with actors.on_their_behalf("Break-glass"):
            perform(approval, "bypass", comment=told, set_fields={"decided_at": now})
            ladder.settle(approval=approval, reason=told)
            names = [row.asked_by.name, person.name]
            tally.succeed(approval, {"bypassed_by": names, "scope_sha256": approval.scope_sha256})
    return row


def review(row: BreakGlass, *, verdict: str) -> BreakGlass:
    """Somebody else looks at what was done and says so; then the plan may close."""
    with transaction.atomic():
        changelog.lock_chain(row.change_chain())
        row.refresh_from_db()
        person = next(iter(persons_of(actors.current().actor.user)), None)
        if person is None or person.pk in (row.asked_by_id, row.agreed_by_id):
            raise NotPermitted("People who used break-glass here cannot review it.")
        fields = {"review": verdict, "reviewed_by": person, "reviewed_at": clock.now()}
        perform(row, "review", comment=verdict, set_fields=fields)
        plan = row.approval.plan
        with actors.on_their_behalf("Break-glass"):
            for case in plan.escalations.filter(trigger=REVIEW_OWED, state__in=OPEN_CASE_STATES):
                closed = {"closed_at": clock.now(), "due_at": None}
                perform(case, "cancel", comment=f"Reviewed by {person}.", set_fields=closed)
            flow.advance(plan)
    return row


def awaiting_second(people: set[int]) -> list[BreakGlass]:
    """What was asked for and one of ``people`` may agree to, the one that ends first on top."""
    if not settings.GTM_BREAK_GLASS:
        return []
    rows = break_glass_uses().filter(state="asked", expires_at__gt=clock.now()).order_by("expires_at")
    return [row for row in rows.exclude(asked_by__in=people) if any(_is_outside(row, pk) for pk in people)]


def sweep(now: datetime) -> int:
    """Let what nobody used expire, and take overdue reviews to the ladder, once each."""
    moved = 0
    for row in BreakGlass.objects.filter(state="asked", expires_at__lte=now).select_related("approval__plan"):
        perform(row, "expire", comment="Nobody agreed in time.")
        moved += 1
    late = BreakGlass.objects.filter(state="granted", review_due_at__lte=now).exclude(
        approval__plan__escalations__in=ladder.open_cases(REVIEW_OWED)
    )
    for row in late.select_related("approval__plan__program"):
        plan = row.approval.plan
        if stops.is_stopped(plan) is None:
            detail = f"It was due {row.review_due_at:%Y-%m-%d %H:%M} UTC."
            ladder.open_case(plan, REVIEW_OWED, f"{row} needs a review", detail=detail)
            moved += 1
    return moved


def _person_at(approval: Approval) -> Person:
    """The person who acts, if break-glass is on, the round is open and nothing is stopped."""
    actor = actors.current().actor
    changelog.lock_chain(approval.change_chain())
    approval.refresh_from_db()
    if not settings.GTM_BREAK_GLASS:
        raise NotPermitted("Break-glass is switched off.", hint="The setting GTM_BREAK_GLASS allows it.")
    if stopped := stops.is_stopped(approval.plan):
        raise NotPermitted(stopped)
    if actor.is_system or not actor.interactive or not actor.user.has_perm("plans.use_break_glass"):
        raise NotPermitted("Only a person in a session with the permission can use break-glass.")
    if refused := why_not_ours(actor):
        raise NotPermitted(refused)
    if approval.state not in DECIDABLE_STATES:
        raise GuardNotMet(
            f"{approval} is {approval.get_state_display().lower()}. There is nothing to bypass."
        )
    people = persons_of(actor.user)
    if not people:
        raise NotPermitted(f"The account {actor.label} belongs to no person in the directory.")
    return people[0]


def _is_outside(row: BreakGlass, second: int) -> bool:
    """Whether who asked or the ``second`` person stands outside the plan's chain."""
    return not {second, row.asked_by_id} <= _chain_of(row.approval)


def _chain_of(approval: Approval) -> set[int]:
    """Who launched or edited the plan, decides in it, or owns one of its tasks."""
    plan = approval.plan
    found = set(conflicts.excluded_by_round([approval], Directory.today())[approval.pk])
    found |= set(plan.tasks.exclude(owner=None).values_list("owner_id", flat=True))
    return found | set(plan.approvals.exclude(decisions=None).values_list("decisions__person_id", flat=True))
