"""The last automated task: the validated result becomes a record of each partner, open to dispute."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from gtm.core import clock
from gtm.core.actors import acting_as, current, name_of
from plans.cases.disputes.models import AttributionRecord
from plans.commands.track_source.scope import scope_of
from plans.engine.running.steps import StepContext
from plans.models import Plan
from plans.schemas.outputs import Column, StepResult, Table
from programs.models import Partner

VALIDATION = "results-validation"
FROM_CONTRIBUTION = (
    "sourced_deals", "sourced_pipeline", "sourced_revenue", "influenced_pipeline", "influenced_revenue", "contested_pipeline",
)  # fmt: skip
CENT, SHARE = Decimal("0.01"), Decimal("0.0001")


def gather_records(context: StepContext) -> StepResult:
    """What is to be published, exactly as it was validated."""
    scope, result = scope_of(context), context.outputs["attribution"]
    contributed = {c["partner"]: c for c in result["contributions"]}
    records = []
    for slug in scope.partners:
        mine, credit = contributed.get(slug, {}), result["partner_credit"].get(slug, {})
        records.append(
            {"partner": slug}
            | {name: str(mine.get(name, 0)) for name in FROM_CONTRIBUTION}
            | {"credited_deals": _text(credit.get("deals", 0), SHARE)}
            | {f"credited_{n}": _text(credit.get(n, 0), CENT) for n in ("pipeline", "revenue")}
        )
    last = scope.day(scope.end) - timedelta(days=1)
    return StepResult(
        values={
            "campaign": scope.slug,
            "window_start": scope.day(scope.start),
            "window_end": last,
            "model": scope.agreed_name,
            "confidence": None if result["confidence"] is None else _text(result["confidence"], SHARE),
            "currency": scope.currency,
            "total_pipeline": str(result["total_pipeline"]),
            "total_revenue": str(result["total_revenue"]),
            "dispute_days": scope.dispute_days,
            "records": records,
        },
        outputs=[
            Table(
                "published",
                "Published attribution",
                [Column("partner", "Partner"), Column("sourced", "Sourced pipeline", "money", scope.currency),
                 Column("influenced", "Influenced pipeline", "money", scope.currency),
                 Column("deals", "Deals credited", "number"), Column("credited", "Pipeline credited", "money", scope.currency)],
                [[scope.partners[r["partner"]], Decimal(r["sourced_pipeline"]), Decimal(r["influenced_pipeline"]),
                  Decimal(r["credited_deals"]), Decimal(r["credited_pipeline"])] for r in records],
                f"Each partner may dispute its record for {scope.dispute_days} days.",
            )
        ],
        evidence={"Serena": f"{len(records)} records written, one a partner."},
    )  # fmt: skip


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


def _text(value: Any, exponent: Decimal) -> str:
    return str(Decimal(str(value)).quantize(exponent))
