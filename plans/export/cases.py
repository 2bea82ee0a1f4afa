"""What a run left for people to do, in its plan JSON: fraud cases, and backlog items that became work."""

from __future__ import annotations

from typing import Any

from plans.models import Plan
from plans.selectors import follow_ups_of


def fraud_cases(plan: Plan) -> list[dict[str, Any]]:
    """The cases this run opened, with what people made of them since."""
    return [
        {
            "key": case.key,
            "status": case.state,
            "label": case.label,
            "referrals": case.referrals,
            "referrers": case.referrers,
            "score": case.score,
            "at_risk": case.at_risk,
            "expected_loss": case.expected_loss,
            "currency": case.currency,
            "opened_at": case.created_at,
            "opened_by": case.opened_by.name if case.opened_by else None,
            "decided_at": case.decided_at,
            "evidence": case.evidence,
            "judgements": case.judgements,
        }
        for case in plan.fraud_cases.select_related("opened_by").order_by("pk")
    ]


def follow_ups(plan: Plan) -> list[dict[str, Any]]:
    """The plans that backlog items of this one became."""
    return [
        {
            "item": row.inputs["item"],
            "plan_id": row.plan_id,
            "status": row.state,
            "owner": task.owner.name if task.owner else None,
            "due_at": task.due_at,
            "created_at": row.created_at,
        }
        for row in follow_ups_of(plan)
        for task in row.tasks.all()
    ]
