"""Step 3, the merge gate: both halves of normalisation meet, and each deal is counted once."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from plans.commands.track_source.facts import Scope, scope_of
from plans.commands.track_source.steps.deals import JointDeal, Normalised, normalise, reconcile
from plans.commands.track_source.steps.journeys import PIPELINE, REVENUE, deals_of
from plans.commands.track_source.steps.people import People, resolve_people
from plans.commands.track_source.steps.touches import Taxonomy, read_taxonomy
from plans.engine.running.steps import PermanentError, StepContext
from plans.schemas.outputs import Column, Figure, Metrics, StepResult, Table

SHOWN = 100


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Everything the later steps read, worked out again from the plan's own data: the same bytes every time."""

    scope: Scope
    taxonomy: Taxonomy
    people: People
    normalised: Normalised
    deals: tuple[JointDeal, ...]


def reconciled(context: StepContext) -> Reconciled:
    scope = scope_of(context)
    people = resolve_people(context, scope)
    normalised = normalise(context.data, scope, people)
    return Reconciled(
        scope, read_taxonomy(context.data, scope), people, normalised, reconcile(normalised.records)
    )


def reconcile_deals(context: StepContext) -> StepResult:
    found = reconciled(context)
    scope, deals = found.scope, found.deals
    opened, won = deals_of(deals, scope, PIPELINE), deals_of(deals, scope, REVENUE)
    if not opened and not won:
        raise PermanentError(
            f"No deal of {scope.name} opened or was won in {scope.label}.",
            hint="Ask for a longer window, or load newer opportunities.",
        )
    joined = [deal for deal in deals if len(deal.records) > 1]
    differing = [deal for deal in joined if deal.amounts_differ]
    both = [deal for deal in deals if len(deal.claims) > 1]
    pipeline = sum((d.pipeline or Decimal(0) for d in opened), Decimal(0))
    revenue = sum((d.revenue or Decimal(0) for d in won), Decimal(0))
    counted_twice = sum((r.opening.amount for d in opened for r in d.records[1:] if r.opening), Decimal(0))
    return StepResult(
        values={
            "records": len(found.normalised.records),
            "deals": len(deals),
            "joined": len(joined),
            "amounts_differ": len(differing),
            "claimed_by_several": len(both),
            "opened": len(opened),
            "won": len(won),
            "pipeline": pipeline,
            "revenue": revenue,
            "counted_twice_without": counted_twice,
        },
        outputs=[
            Metrics(
                "reconciled",
                "Deals, each once",
                [
                    Figure(
                        "deals",
                        "Deals",
                        len(deals),
                        "deals",
                        definition=f"From {len(found.normalised.records)} records",
                    ),
                    Figure("joined", "Kept by several partners", len(joined), "deals"),
                    Figure("twice", "Pipeline that would be counted twice", counted_twice, scope.currency),
                    Figure("opened", "Opened in the window", len(opened), "deals"),
                    Figure("pipeline", "Pipeline opened in the window", pipeline, scope.currency),
                    Figure("won", "Won in the window", len(won), "deals"),
                    Figure("revenue", "Revenue won in the window", revenue, scope.currency),
                ],
                note=f"{scope.label}. One deal: one person at two partners, or one company and amount, within 14 days.",
            ),
            _mismatches(differing, both, scope),
        ],
        evidence={"Serena": f"{len(joined)} deals were in the books of more than one partner."},
    )


def _mismatches(differing: list[JointDeal], both: list[JointDeal], scope: Scope) -> Table:
    rows = [
        [d.key, "amounts differ by more than 5 %", d.pipeline, ", ".join(sorted(d.claims))] for d in differing
    ]
    rows += [
        [d.key, "several partners claim to have sourced it", d.pipeline, ", ".join(sorted(d.claims))]
        for d in both
    ]
    return Table(
        "mismatches",
        "Where the partners' books disagree",
        [Column("deal", "Deal"), Column("what", "What"), Column("pipeline", "Pipeline", "money", scope.currency),
         Column("claims", "Claimed by")],
        rows[:SHOWN],
        f"{len(rows)} in all." if len(rows) <= SHOWN else f"{len(rows)} in all, the first {SHOWN} are shown.",
    )  # fmt: skip
