"""The log of payouts held against the program's rules of paying, and rewards to take back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow.compute as pc

from gtm.core.money import Money
from plans.commands.optimize_referrals.steps.screen import rules_of
from plans.commands.shared.windows import Span
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Column, Table
from programs.schemas.referral_rules import PAYING_RULES

MOST_SHOWN = 500
"""Rewards to take back that the table shows, the dearest first; the others are counted."""


def paying_rules(context: StepContext) -> dict[str, str]:
    """The rules of paying that the program keeps, in words."""
    rules = rules_of(context.program)
    told = dict(PAYING_RULES)
    told["before_holding"] = f"Paid before the holding period of {rules['holding_days']:g} days was over"
    if rules["minimum_order"] is None:
        del told["below_minimum"]
    else:
        told["below_minimum"] = (
            f"Paid for an order below {rules['minimum_order']:g}, the smallest that earns a reward"
        )
    return {name: words for name, words in told.items() if name in rules["paying_rules"]}


def compliance(context: StepContext, span: Span) -> list[dict[str, Any]]:
    data, rules = context.data, paying_rules(context)
    if not data.has("referral_payouts"):
        return []
    rows = data.engine.payout_compliance(
        data.snapshot("referrals"), data.snapshot("referral_payouts"), start=span.start, end=span.end,
        holding_days=int(rules_of(context.program)["holding_days"]),
        minimum_order=rules_of(context.program)["minimum_order"],
    ).to_pylist()  # fmt: skip
    return [
        {
            "rule": row["rule"],
            "title": rules[row["rule"]],
            "payouts": row["payouts"],
            "amount": float(row["amount"]),
        }
        for row in rows
        if row["rule"] in rules
    ]


@dataclass(frozen=True, slots=True)
class Clawbacks:
    """Rewards paid for orders that were returned and never taken back: how many, how much, and the dearest."""

    count: int = 0
    amount: float = 0
    dearest: Sequence[Mapping[str, Any]] = ()


def clawbacks_of(context: StepContext, span: Span) -> Clawbacks:
    data = context.data
    if not data.has("referral_payouts"):
        return Clawbacks()
    found = data.engine.referral_clawbacks(
        data.snapshot("referrals"), data.snapshot("referral_payouts"), as_of=span.end
    )
    amounts = [float(amount) for amount in found.column("amount").to_pylist()]
    # Of millions of payouts a hundred thousand may be left: only those that are shown become rows.
    order = pc.sort_indices(found, [("amount", "descending"), ("payout_id", "ascending")])[:MOST_SHOWN]
    dearest = [row | {"amount": float(row["amount"])} for row in found.take(order).to_pylist()]
    return Clawbacks(len(found), sum(amounts), dearest)


def rule_table(
    broken: Sequence[Mapping[str, Any]], rules: Mapping[str, str], has_payouts: bool, currency: str
) -> Table:
    found = {row["rule"]: row for row in broken}
    rows = [
        [title, found.get(rule, {}).get("payouts", 0), found.get(rule, {}).get("amount", 0.0)]
        for rule, title in rules.items()
    ]
    return Table(
        "compliance",
        "Rules of paying",
        [Column("rule", "Rule broken"), Column("payouts", "Payouts", "integer"),
         Column("amount", "Amount", "money", currency)],
        rows if has_payouts else [],
        "Payouts of the window." if has_payouts else "No payouts are loaded, so the log of payouts was not checked.",
    )  # fmt: skip


def clawback_table(found: Clawbacks, has_payouts: bool, currency: str) -> Table:
    shown = found.dearest
    return Table(
        "clawbacks",
        "Rewards to take back",
        [Column("payout", "Payout"), Column("referral", "Referral"), Column("paid", "Paid on", "date"),
         Column("returned", "Order returned on", "date"), Column("amount", "Not taken back", "money", currency)],
        [[row["payout_id"], row["referral_id"], f"{row['paid_at']:%Y-%m-%d}", f"{row['undone_at']:%Y-%m-%d}", row["amount"]]
         for row in shown],
        f"{len(shown)} of {found.count} shown, {Money(Decimal(str(found.amount)), currency)} in all: paid, the order returned in full, and never taken back."
        if has_payouts else "No payouts are loaded.",
    )  # fmt: skip
