"""The last automated task: the validated result becomes a record of each partner, open to dispute."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from gtm.core.money import minor_units
from plans.commands.track_source.facts import scope_of
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Column, StepResult, Table

FROM_CONTRIBUTION = (
    "sourced_deals", "sourced_pipeline", "sourced_revenue", "influenced_pipeline", "influenced_revenue", "contested_pipeline",
)  # fmt: skip
SHARE_DIGITS = 4


def gather_records(context: StepContext) -> StepResult:
    """What is to be published, exactly as it was validated."""
    scope, result = scope_of(context), context.outputs["attribution"]
    contributed = {c["partner"]: c for c in result["contributions"]}
    records, digits = [], minor_units(scope.currency)
    for slug in scope.partners:
        mine, credit = contributed.get(slug, {}), result["partner_credit"].get(slug, {})
        records.append(
            {"partner": slug}
            | {name: str(mine.get(name, 0)) for name in FROM_CONTRIBUTION}
            | {"credited_deals": _text(credit.get("deals", 0), SHARE_DIGITS)}
            | {f"credited_{n}": _text(credit.get(n, 0), digits) for n in ("pipeline", "revenue")}
        )
    last = scope.end.date() - timedelta(days=1)
    return StepResult(
        values={
            "campaign": scope.slug,
            "window_start": scope.start.date(),
            "window_end": last,
            "model": scope.agreed_name,
            "confidence": None if result["confidence"] is None else _text(result["confidence"], SHARE_DIGITS),
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
    )  # fmt: skip


def _text(value: Any, digits: int) -> str:
    return str(round(Decimal(str(value)), digits))
