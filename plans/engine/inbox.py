"""What waits for me: approvals I can decide, tasks I own or my roles do, cases on my rung, owed reviews."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from plans.engine import eligibility, gates
from plans.models import Approval, BreakGlass, Escalation, Task, TaskKind
from plans.selectors import approvals_with_votes, break_glass_uses, cases_with_people, tasks_with_people
from programs.models import Approver, Person

MOST = 200


@dataclass(frozen=True, slots=True)
class Inbox:
    approvals: list[Approval] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    escalations: list[Escalation] = field(default_factory=list)
    reviews: list[BreakGlass] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.approvals) + len(self.tasks) + len(self.escalations) + len(self.reviews)


def waiting_for(user: Any) -> Inbox:
    """Everything this user's person can act on now, the most urgent first."""
    people = set(Person.objects.filter(accounts=user, is_active=True).values_list("pk", flat=True))
    if not people:
        return Inbox()
    roles = list(Approver.objects.filter(person__in=people).values_list("role_id", "role__slug"))
    role_ids, slugs = [pk for pk, _ in roles], {slug for _, slug in roles}
    rounds = approvals_with_votes().filter(state__in=gates.DECIDABLE).order_by("due_at", "pk")
    human = tasks_with_people().filter(kind=TaskKind.HUMAN, state="ready")
    human = human.filter(Q(owner__in=people) | Q(owner=None, agent__in=role_ids)).order_by("due_at", "pk")
    cases = (
        cases_with_people()
        .filter(state__in=["notified", "acknowledged", "exhausted"])
        .order_by("due_at", "pk")
    )
    shown = list(rounds.prefetch_related("escalations")[:MOST])
    benches = eligibility.benches_of(shown)
    return Inbox(
        approvals=[a for a in shown if _can_decide(a, benches[a.pk], people)],
        tasks=list(human[:MOST]),
        escalations=[c for c in cases[:MOST] if _on_rung(c, slugs)],
        reviews=owed_reviews(user, people),
    )


def owed_reviews(user: Any, people: set[int]) -> list[BreakGlass]:
    """Uses of break-glass that these people may review: with the permission, and not their own."""
    if not user.has_perm("plans.review_break_glass"):
        return []
    theirs = Q(asked_by__in=people) | Q(agreed_by__in=people)
    return list(break_glass_uses(owed=True).exclude(theirs)[:MOST])


def _can_decide(approval: Approval, bench: eligibility.Bench, people: set[int]) -> bool:
    voted = {d.person_id for d in approval.decisions.all() if d.superseded_at is None and not d.void_reason}
    return any(c.person.pk in people - voted for c in bench.candidates)


def _on_rung(case: Escalation, slugs: set[str]) -> bool:
    return any(slugs & set(rung["roles"]) for rung in case.reached)
