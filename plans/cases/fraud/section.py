"""The cases a run opened, as the plan JSON shows them."""

from __future__ import annotations

from typing import Any

from plans.models import Plan


def opened(plan: Plan) -> list[dict[str, Any]]:
    """The cases this run opened, with what people made of them since."""
    return [
        {
            "key": case.key,
            "kind": case.kind,
            "proposal": case.proposal,
            "status": case.state,
            "label": case.label,
            "referrals": case.referrals,
            "referrers": case.referrers,
            "score": case.score,
            "at_risk": case.at_risk,
            "expected_loss": case.expected_loss,
            "paid": case.paid,
            "currency": case.currency,
            "opened_at": case.created_at,
            "opened_by": case.opened_by.name if case.opened_by else None,
            "decided_at": case.decided_at,
            "evidence": case.evidence,
            "judgements": case.judgements,
        }
        for case in plan.fraud_cases.select_related("opened_by").order_by("pk")
    ]
