"""What was done to the loaded amounts before they were added, and what could not be: for the results of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plans.schemas.outputs import Column, Table
from programs.datasets import OpenData
from programs.datasets.movement_words import WORDS

if TYPE_CHECKING:
    from programs.datasets.engines.movements import MovementAccount

PURCHASES = "purchases"
PLACINGS = {
    "order": "lowers the order it names",
    "customer": "names no order of these data: lowers the customer's latest earlier order that it fits",
    "column": "stands beside its order in a column of refunds",
    "itself": "an order cancelled in its own row",
    "unplaced": "unplaced: fits no order, in no figure",
    "beyond": "exceeds its order, in no figure",
}


def purchase_notes(data: OpenData) -> list[str]:
    """Sentences on currencies, refunds, cancellations and adjustments; none where the purchases have none."""
    return [*conversion_notes(data, "purchases"), *movement_notes(data, "purchases")]


def movement_notes(data: OpenData, *kinds: str) -> list[str]:
    """What was netted in the rows of these kinds, and what could not be."""
    accounts = (data.movements(kind) for kind in kinds)
    return [sentence for account in accounts if account for sentence in account.sentences()]


def net_note(data: OpenData, *kinds: str) -> str:
    """Half a sentence where figures of these kinds are net of anything."""
    if not any(data.movements(kind) for kind in kinds):
        return ""
    return "Net of refunds and claw-backs, in the period of the sale."


def conversion_notes(data: OpenData, *kinds: str) -> list[str]:
    """A sentence on each kind whose amounts are in other currencies than the program's."""
    return [conversion.sentence() for conversion in data.conversions(*kinds)]


def movement_tables(data: OpenData, *kinds: str) -> list[Table]:
    """The account of movements as a table a kind, purchases if none is named; none where there are none."""
    accounts = (data.movements(kind) for kind in kinds or (PURCHASES,))
    return [_table(account) for account in accounts if account]


def _table(account: MovementAccount) -> Table:
    words = WORDS[account.kind]
    of = "" if account.kind == PURCHASES else f" of {words.rows}"
    return Table(
        _key(account.kind), f"Refunds, cancellations and adjustments{of}",
        [Column("movement", "Movement"), Column("placing", "What it does"), Column("rows", "Rows", "integer"),
         Column("amount", "Amount", "number"), Column("currency", "Currency")],
        [[c.movement, PLACINGS[c.placing].replace("order", words.one), c.rows, float(c.amount), c.currency]
         for c in account.counts],
        f"{account.orders:,} of {account.sales:,} {words.rows} are left{words.as_what}. Figures are net of what was "
        f"placed, in the period of the {words.dated}.",
    )  # fmt: skip


def movement_values(data: OpenData, *kinds: str) -> dict[str, Any]:
    """The accounts as later tasks and the plan JSON read them; empty where there are no movements."""
    accounts = [account for kind in kinds or (PURCHASES,) if (account := data.movements(kind))]
    return {
        _key(account.kind): {
            "sales": account.sales,
            "orders": account.orders,
            "counts": [
                {"movement": c.movement, "placing": c.placing, "currency": c.currency, "rows": c.rows,
                 "amount": float(c.amount)}
                for c in account.counts
            ],
        }
        for account in accounts
    }  # fmt: skip


def _key(kind: str) -> str:
    return "movements" if kind == PURCHASES else f"{kind}_movements"
