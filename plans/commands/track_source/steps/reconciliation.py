"""Step 3, the merge gate: both halves of normalisation meet, and each deal is counted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from gtm.core.percents import percent_text
from plans.commands.track_source.facts import Scope, scope_of
from plans.commands.track_source.steps.deals import JointDeal, Normalised, normalise, reconcile
from plans.commands.track_source.steps.journeys import PIPELINE, REVENUE, deals_of
from plans.commands.track_source.steps.people import People, resolve_people
from plans.commands.track_source.steps.touches import Taxonomy, read_taxonomy
from plans.engine.running.steps import PermanentError, StepContext
from plans.schemas.outputs import Column, Figure, Metrics, StepResult, Table

SHOWN = 100
MOST_APART = 0.5
"""Of the deals that partners share: how many may be read apart before nothing is left of the shared books."""
BY_PERSON, BY_AMOUNT = "a person in common", "a person in common and amounts that are not far apart"
GROSS = {
    "gross_pipeline": "Gross pipeline of these deals, before credit notes",
    "gross_revenue": "Gross revenue of these deals, before credit notes",
}


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Everything the later steps read, worked out again from the plan's own data: the same bytes every time."""

    scope: Scope
    taxonomy: Taxonomy
    people: People
    normalised: Normalised
    deals: tuple[JointDeal, ...]


def reconciled(context: StepContext, reader: str = "") -> Reconciled:
    """By ``reader``; later steps by the one that the plan reconciled with."""
    reader = reader or context.outputs["reconciled"].get("reader", BY_PERSON)
    scope = scope_of(context)
    people = resolve_people(context, scope)
    normalised = normalise(context.data, scope, people)
    deals = reconcile(normalised.records, tolerance=scope.tolerance.amount if reader == BY_AMOUNT else None)
    return Reconciled(scope, read_taxonomy(context.data, scope), people, normalised, deals)


def reconcile_deals(context: StepContext) -> StepResult:
    """Raises PermanentError where the books of the partners disagree too often: another reader has a turn."""
    found = reconciled(context, BY_PERSON)
    tolerance = found.scope.tolerance
    joined = [deal for deal in found.deals if len(deal.records) > 1]
    differing = sum(deal.is_far_apart(tolerance.amount) for deal in joined)
    if joined and differing > tolerance.deals * len(joined):
        raise PermanentError(
            f"The partners' books disagree on the amount of {differing} of {len(joined)} shared deals by more "
            f"than {percent_text(tolerance.amount, 0)}; {percent_text(tolerance.deals, 0)} of the deals may.",
            hint="Compare currencies and amounts of the partners' files, and load them again. What books may "
            "differ by stands in the measurement agreement.",
        )
    return _result(context, found, BY_PERSON)


def reconcile_by_amount(context: StepContext) -> StepResult:
    """The other reader: deals on which the books disagree stand apart. Raises PermanentError where most do."""
    loose, found = reconciled(context, BY_PERSON), reconciled(context, BY_AMOUNT)
    shared = sum(len(deal.records) > 1 for deal in loose.deals)
    apart = len(found.deals) - len(loose.deals)
    if apart > MOST_APART * shared:
        raise PermanentError(
            f"{apart} of {shared} shared deals would be counted apart: the books cannot be reconciled.",
            hint="A person compares the partners' files, and has them loaded again.",
        )
    return _result(context, found, BY_AMOUNT, apart)


def _result(context: StepContext, found: Reconciled, reader: str, apart: int = 0) -> StepResult:
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
    gross = gross_of(opened, won) if context.data.movements("opportunities") else {}
    note = " Net of credit notes, in the window in which a deal opened or was won." if gross else ""
    return StepResult(
        values={
            "records": found.normalised.standing,
            "deals": len(deals),
            "joined": len(joined),
            "amounts_differ": len(differing),
            "reader": reader,
            "read_apart": apart,
            "claimed_by_several": len(both),
            "opened": len(opened),
            "won": len(won),
            "pipeline": pipeline,
            "revenue": revenue,
            "counted_twice_without": counted_twice,
            **gross,
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
                        definition=f"From {found.normalised.standing} records",
                    ),
                    Figure("joined", "Kept by several partners", len(joined), "deals"),
                    Figure("twice", "Pipeline that would be counted twice", counted_twice, scope.currency),
                    Figure("opened", "Opened in the window", len(opened), "deals"),
                    Figure("pipeline", "Pipeline opened in the window", pipeline, scope.currency),
                    Figure("won", "Won in the window", len(won), "deals"),
                    Figure("revenue", "Revenue won in the window", revenue, scope.currency),
                    *[Figure(name, GROSS[name], amount, scope.currency) for name, amount in gross.items()],
                ],
                note=f"{scope.label}. One deal: one person at two partners, or one company and amount, within 14 days.{note}",
            ),
            _mismatches(differing, both, [d for d in deals if d.credited_in_part_of_the_books], scope),
        ],
    )


def gross_of(opened: Sequence[JointDeal], won: Sequence[JointDeal]) -> dict[str, Decimal]:
    """Pipeline and revenue of the window before credit notes; deals of which these left nothing are in neither."""
    return {
        "gross_pipeline": sum((d.gross_pipeline or Decimal(0) for d in opened), Decimal(0)),
        "gross_revenue": sum((d.gross_revenue or Decimal(0) for d in won), Decimal(0)),
    }


def _mismatches(
    differing: list[JointDeal], both: list[JointDeal], credited: list[JointDeal], scope: Scope
) -> Table:
    rows = [
        [d.key, "amounts differ by more than 5 %", d.pipeline, ", ".join(sorted(d.claims))] for d in differing
    ]
    rows += [
        [d.key, "several partners claim to have sourced it", d.pipeline, ", ".join(sorted(d.claims))]
        for d in both
    ]
    rows += [
        [d.key, "credit notes in the books of one, not of the other", d.pipeline, ", ".join(sorted(d.claims))]
        for d in credited
    ]
    return Table(
        "mismatches",
        "Where the partners' books disagree",
        [Column("deal", "Deal"), Column("what", "What"), Column("pipeline", "Pipeline", "money", scope.currency),
         Column("claims", "Claimed by")],
        rows[:SHOWN],
        f"{len(rows)} in all." if len(rows) <= SHOWN else f"{len(rows)} in all, the first {SHOWN} are shown.",
    )  # fmt: skip
