"""What was published to the partners, and what they dispute of it, as the plan JSON tells it."""

from __future__ import annotations

from typing import Any

from plans.cases.disputes.models import Dispute
from plans.models import Plan

FIGURES = (
    "sourced_deals", "sourced_pipeline", "sourced_revenue", "influenced_pipeline", "influenced_revenue",
    "contested_pipeline", "credited_deals", "credited_pipeline", "credited_revenue", "total_pipeline",
    "total_revenue",
)  # fmt: skip


def published(plan: Plan) -> list[dict[str, Any]]:
    """The record of each partner, with its disputes: claim, evidence, answer, and every signature."""
    records = plan.attribution_records.select_related("campaign", "partner").prefetch_related(
        "disputes__claimant", "disputes__answered_by"
    )
    return [
        {
            "partner": record.partner.slug,
            "campaign": record.campaign.slug,
            "window": {"start": record.window_start, "end": record.window_end},
            "model": record.model,
            "confidence": record.confidence,
            "currency": record.currency,
            **{name: getattr(record, name) for name in FIGURES},
            "published_at": record.created_at,
            "dispute_until": record.dispute_until,
            "disputes": [_dispute(found) for found in sorted(record.disputes.all(), key=lambda d: d.pk)],
        }
        for record in records.order_by("partner__slug")
    ]


def _dispute(dispute: Dispute) -> dict[str, Any]:
    return {
        "id": dispute.pk,
        "claimant": dispute.claimant.slug,
        "status": dispute.state,
        "deal": dispute.deal,
        "in_data": dispute.in_data,
        "claim": dispute.claim,
        "evidence": dispute.evidence,
        "filed_at": dispute.created_at,
        "answer": dispute.answer,
        "answered_by": dispute.answered_by.name if dispute.answered_by else None,
        "signed_off": [
            {key: signed[key] for key in ("partner", "name", "said")} for signed in dispute.signed_off
        ],
        "closed_at": dispute.closed_at,
    }
