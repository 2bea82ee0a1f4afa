"""Credit notes among deals: rows below zero take their amount off the deal they belong to, or are told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gtm.core.money import Money
from programs.analytics.identity import normalise_company


@dataclass(frozen=True, slots=True)
class CreditNotes:
    """``rows`` are the deals less their credit notes; ``gone`` deals were credited in full and are no deals.

    ``placed`` and ``unplaced``: currency → what was taken off, and what fits no deal and is in no figure.
    """

    rows: tuple[Mapping[str, Any], ...]
    notes: int
    gone: int
    placed: Mapping[str, Decimal]
    unplaced: Mapping[str, Decimal]


def settle(rows: Sequence[Mapping[str, Any]]) -> CreditNotes:
    """The rule of purchases: the partner's latest earlier deal of the company or person that the note fits."""
    deals = [dict(row) for row in rows if row["amount"] is None or row["amount"] >= 0]
    notes = [row for row in rows if row["amount"] is not None and row["amount"] < 0]
    placed: defaultdict[str, Decimal] = defaultdict(Decimal)
    unplaced: defaultdict[str, Decimal] = defaultdict(Decimal)
    changed: set[int] = set()
    for note in sorted(notes, key=lambda row: (row["created_at"], row["amount"], row["opportunity_id"])):
        fitting = [
            n for n, deal in enumerate(deals) if _same(deal, note) and deal["created_at"] <= note["created_at"]
            and (deal["amount"] or 0) + note["amount"] >= 0
        ]  # fmt: skip
        if not fitting:
            unplaced[note["currency"]] -= note["amount"]
            continue
        latest = max(fitting, key=lambda n: (deals[n]["created_at"], n))
        deals[latest]["amount"] += note["amount"]
        changed.add(latest)
        placed[note["currency"]] -= note["amount"]
    left = tuple(deal for n, deal in enumerate(deals) if n not in changed or deal["amount"] > 0)
    return CreditNotes(left, len(notes), len(deals) - len(left), dict(placed), dict(unplaced))


def _same(deal: Mapping[str, Any], note: Mapping[str, Any]) -> bool:
    if (deal["owner"], deal["currency"]) != (note["owner"], note["currency"]):
        return False
    company = normalise_company(note["account_name"] or "")
    return bool(
        (company and company == normalise_company(deal["account_name"] or ""))
        or (note["person_id"] and note["person_id"] == deal["person_id"])
    )


def in_words(amounts: Mapping[str, Decimal]) -> str:
    return (
        " and ".join(str(Money(amount, currency)) for currency, amount in sorted(amounts.items())) or "none"
    )
