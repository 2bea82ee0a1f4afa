"""What was done to the loaded amounts before they were added, and what could not be: for the results of a run."""

from __future__ import annotations

from typing import Any

from plans.schemas.outputs import Column, Table
from programs.datasets import OpenData

PLACINGS = {
    "order": "lowers the order it names",
    "customer": "names no order: lowers the customer's latest earlier order that it fits",
    "column": "stands beside its order in a column of refunds",
    "itself": "an order cancelled in its own row",
    "unplaced": "unplaced: fits no order, in no figure",
    "beyond": "exceeds its order, in no figure",
}


def purchase_notes(data: OpenData) -> list[str]:
    """Sentences on currencies, refunds, cancellations and adjustments; none where the purchases have none."""
    account = data.movements()
    return [*conversion_notes(data, "purchases"), *(account.sentences() if account else [])]


def conversion_notes(data: OpenData, *kinds: str) -> list[str]:
    """A sentence on each kind whose amounts are in other currencies than the program's."""
    return [conversion.sentence() for conversion in data.conversions(*kinds)]


def movement_tables(data: OpenData) -> list[Table]:
    """The account of movements as a table, where there are any."""
    account = data.movements()
    if account is None:
        return []
    return [
        Table(
            "movements", "Refunds, cancellations and adjustments",
            [Column("movement", "Movement"), Column("placing", "What it does"), Column("rows", "Rows", "integer"),
             Column("amount", "Amount", "number"), Column("currency", "Currency")],
            [[c.movement, PLACINGS[c.placing], c.rows, float(c.amount), c.currency] for c in account.counts],
            f"{account.orders:,} of {account.sales:,} sales are left as purchases. Figures are net of what was placed, "
            "in the period of the sale.",
        )
    ]  # fmt: skip


def movement_values(data: OpenData) -> dict[str, Any]:
    """The account as later tasks and the plan JSON read it; empty where there are no movements."""
    account = data.movements()
    if account is None:
        return {}
    counts = [
        {"movement": c.movement, "placing": c.placing, "currency": c.currency, "rows": c.rows,
         "amount": float(c.amount)}
        for c in account.counts
    ]  # fmt: skip
    return {"movements": {"sales": account.sales, "orders": account.orders, "counts": counts}}
