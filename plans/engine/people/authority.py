"""Changes by two people: who may be the second one, and what becomes of a proposal.

The second person is neither the one who asks nor one whose authority it concerns, and has not asked for, or
edited, a plan that is open and would be touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from gtm.core import actors, clock
from gtm.core.actors import Actor, acting_as
from gtm.core.errors import InvalidInput, Problem
from gtm.core.evidence import changelog
from gtm.core.fsm import perform
from plans.engine.gates import conflicts
from plans.engine.people.permissions import asked_by, persons_of, why_not_ours
from plans.models import FINAL_PLAN_STATES, Plan
from programs.models import UNSETTLED_CHANGE_STATES, GuardedChange, Person, whose_act
from programs.models.two_people import PERMISSION, make, seconds
from programs.selectors import is_partners_contact

Params = Mapping[str, Any]
VERBS = ("approve", "refuse", "withdraw", "confirm")


def decide(
    change: GuardedChange, verb: str, *, comment: str = "", expected_version: int | None = None
) -> GuardedChange:
    """Approve, refuse, withdraw or confirm. What is approved is made in the same transaction.

    Raises what ``perform`` and ``make`` raise; InvalidInput for another verb.
    """
    if verb not in VERBS:
        problem = Problem("act", f"“{verb}” is unknown.", VERBS)
        raise InvalidInput("There is no such action for a change by two people.", problems=[problem])
    acting = actors.current()
    with transaction.atomic():
        changelog.lock_chain(change.change_chain())
        fields = {"decided_by": acting.actor.user, "decided_at": clock.now()}
        perform(change, verb, comment=comment, expected_version=expected_version, set_fields=fields)
        if verb == "approve":
            why = "; ".join(said for said in (change.reason, comment) if said)
            reason = f"{why} (change {change.pk})".strip()
            with acting_as(acting.actor, reason, change.requested_label):
                make(change)
    return change


def may_second(actor: Actor, change: GuardedChange, params: Params) -> str | None:
    """A second person in a session, with the permission, whom the change does not concern."""
    if not actor.is_system and not actor.user.has_perm(PERMISSION):
        return "You need the permission to agree to changes of who may decide."
    if refused := why_not_ours(actor):
        return refused
    people = persons_of(actor.user)
    if not people:
        return f"The account {actor.label} belongs to no person in the directory."
    mine = {person.pk for person in people}
    if actor.user_id == change.requested_by_id or mine & {p.pk for p in asked_by(change.requested_by)}:
        return "Nobody is the second person for their own change."
    if mine & set(change.people):
        return f"{people[0]} is one of those whose authority it concerns."
    for plan, askers in _askers_of_touched(change):
        if mine & askers:
            return f"{people[0]} asked for {plan.plan_id} or edited it, and this change would touch it."
    return None


def may_withdraw_change(actor: Actor, change: GuardedChange, params: Params) -> str | None:
    """Whoever proposed it."""
    if not actor.is_system and actor.user_id == change.requested_by_id:
        return None
    return "Only the person who proposed it can withdraw it."


def who_could_agree(change: GuardedChange) -> list[Person]:
    """The people who could be the second one today, by name; nobody where all have a part in it."""
    wanted = seconds(change.requested_by, change.people)
    wanted -= set().union(*(askers for _, askers in _askers_of_touched(change)))
    return list(Person.objects.filter(pk__in=wanted).order_by("name"))


def waiting_changes(user: Any, people: set[int], most: int) -> list[GuardedChange]:
    """Changes to which these people could be the second, the oldest first."""
    if not user.has_perm(PERMISSION) or is_partners_contact(user):
        return []
    rows = GuardedChange.objects.filter(state__in=UNSETTLED_CHANGE_STATES).select_related("requested_by")
    rows = rows.exclude(whose_act.by_people("requested_by", people)).order_by("created_at", "pk")
    return [row for row in rows[: 5 * most] if not people & set(row.people)][:most]


def _askers_of_touched(change: GuardedChange) -> Iterable[tuple[Plan, set[int]]]:
    """Open plans of whose gates the change could move a seat, with who asked for them or edited them."""
    plans = Plan.objects.exclude(state__in=FINAL_PLAN_STATES)
    if change.programs:
        plans = plans.filter(program__in=change.programs)
    roles = set(change.roles)
    touched = {plan.pk: plan for plan in plans if change.programs or roles & _roles_asked(plan)}
    askers = conflicts.askers_of(touched, conflicts.people_of_accounts())
    return [(plan, askers[pk]) for pk, plan in touched.items()]


def _roles_asked(plan: Plan) -> set[str]:
    """Roles that have a seat, cover one or stand on the ladder."""
    rules = plan.rules
    asked = {seat.role for gate in rules.gates for seat in gate.seats}
    asked |= {role for gate in rules.gates for role in gate.fallbacks.values()}
    return asked | {role for rung in rules.ladder for role in rung.roles}
