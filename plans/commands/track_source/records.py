"""What a track-source run writes: each partner's record of attribution, open to dispute."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from gtm.core import clock
from gtm.core.actors import acting_as, current, name_of
from plans.cases.disputes.models import AttributionRecord
from plans.models import Plan
from programs.models import Partner

VALIDATION = "results-validation"


def apply_records(plan: Plan, values: Mapping[str, Any]) -> None:
    """Write the records in the transaction that records the task: published once, or not at all."""
    if plan.campaign is None:
        raise ValueError("a plan of this command belongs to a campaign")
    until = clock.now() + timedelta(days=values["dispute_days"])
    partners = {p.slug: p for p in plan.campaign.partners.all()}
    with acting_as(current().actor, _reason(plan)):
        _write(plan, values, partners, until)


def _reason(plan: Plan) -> str:
    """On whose word it is published: who asked, and who validated."""
    votes = plan.approvals.filter(gate=VALIDATION, state="approved").order_by("-round").first()
    names = (
        [d.person.name for d in votes.decisions.filter(kind="approve", superseded_at=None)] if votes else []
    )
    asked = name_of(plan.requested_by) if plan.requested_by else "the engine"
    return f"Published as validated by {', '.join(names) or 'nobody'}; asked for by {asked}."


def _write(plan: Plan, values: Mapping[str, Any], partners: Mapping[str, Partner], until: datetime) -> None:
    for told in values["records"]:
        AttributionRecord(
            plan=plan,
            campaign=plan.campaign,
            partner=partners[told["partner"]],
            window_start=date.fromisoformat(str(values["window_start"])),
            window_end=date.fromisoformat(str(values["window_end"])),
            model=values["model"],
            confidence=None if values["confidence"] is None else Decimal(values["confidence"]),
            currency=values["currency"],
            total_pipeline=Decimal(values["total_pipeline"]),
            total_revenue=Decimal(values["total_revenue"]),
            dispute_until=until,
            **{name: Decimal(text) for name, text in told.items() if name != "partner"},
        ).save()


def withdraw_records(plan: Plan, values: Mapping[str, Any]) -> None:
    """Undo ``apply_records`` when the plan is aborted. A record that was disputed stays: its dispute is about it."""
    for record in plan.attribution_records.filter(disputes=None):
        record.delete()
