"""Questions about plans that several places ask. Each answers with a fixed number of queries."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, Q, QuerySet

from gtm.core.errors import NotFound
from plans.models import Approval, Decision, Escalation, Plan, Task


def visible_plans(user: Any) -> QuerySet[Plan]:
    """Plans are read by whoever may view plans; what a partner sees is narrowed where partners log in."""
    return (
        Plan.objects.select_related("program", "campaign", "requested_by")
        if user.is_active
        else Plan.objects.none()
    )


def plan_by_id(plan_id: str, *, user: Any = None) -> Plan:
    plan = Plan.objects.select_related("program", "campaign", "requested_by").filter(plan_id=plan_id).first()
    if plan is None:
        raise NotFound(f"There is no plan {plan_id}.", hint="`manage.py plans` lists them.")
    return plan


def tasks_with_people() -> QuerySet[Task]:
    return Task.objects.select_related(
        "plan", "plan__program", "agent", "fallback_agent", "owner"
    ).prefetch_related("needs", "attempts")


def approvals_with_votes() -> QuerySet[Approval]:
    votes = Decision.objects.select_related("person", "on_behalf_of", "user").order_by("decided_at")
    return Approval.objects.select_related("plan", "plan__program", "task").prefetch_related(
        Prefetch("decisions", votes)
    )


def cases_with_people() -> QuerySet[Escalation]:
    return Escalation.objects.select_related("plan", "task", "approval", "acknowledged_by").prefetch_related(
        "firings"
    )


def find_approval(reference: str) -> Approval:
    """By number, or by "plan-id/gate" (the newest round). Raises NotFound."""
    rounds = approvals_with_votes()
    if reference.isdigit():
        found = rounds.filter(pk=int(reference)).first()
    else:
        plan_id, _, gate = reference.partition("/")
        found = (
            rounds.filter(Q(gate=gate) if gate else Q(), plan__plan_id=plan_id)
            .order_by("-round", "-pk")
            .first()
        )
    if found is None:
        raise NotFound(
            f"There is no approval {reference}.", hint="`manage.py inbox --as USER` lists what waits."
        )
    return found
