"""What a person confirms of the payout log: each rule of paying, how often it was broken, and what was not looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plans.schemas.outputs import Column, Output, Table

QUESTIONS = (
    ("The log is complete", "Every payout of the window is in the loaded log, from every system that pays"),
    ("Breaks are explained", "Each payout that breaks a rule is taken back, or somebody says why it stands"),
    (
        "Consent and terms",
        "Who was paid had accepted the terms, and tax forms are there where the law asks for them",
    ),
)
"""What no data show: whoever confirms answers these."""


def what_to_confirm(outputs: Mapping[str, Any], inputs: Mapping[str, Any]) -> Sequence[Output]:
    """A row for each rule that payouts broke and for each question that only a person can answer."""
    risk, data = outputs.get("risk") or {}, outputs.get("data") or {}
    window = (data.get("window") or {}).get("label", inputs.get("window", ""))
    checked = risk.get("payouts_checked")
    rows: list[list[Any]] = [
        [
            "Rule broken",
            row.get("title") or row["rule"],
            row["payouts"],
            row["amount"],
            "Look at each of them",
        ]
        for row in risk.get("compliance") or ()
    ]
    if not checked:
        rows.append(
            ["Not checked", "No log of payouts is loaded", None, None, "Say where it is, and what it shows"]
        )
    elif not rows:
        rows.append(
            ["Rules kept", "No payout breaks a rule of paying", 0, 0.0, "Confirm that the log is complete"]
        )
    rows += [["Question", name, None, None, text] for name, text in QUESTIONS]
    columns = (
        Column("kind", "What"),
        Column("name", "Name"),
        Column("payouts", "Payouts", "integer"),
        Column("amount", "Amount", "money", str(data.get("currency", ""))),
        Column("do", "To confirm"),
    )
    return [Table("compliance_to_confirm", f"Payout log to confirm, {window}".rstrip(", "), columns, rows,
                  "Attach what was looked at: the export of the payout system, the list of exceptions.")]  # fmt: skip
