"""What the member insights analyst validates: the segments and tiers with their sizes, and what they rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plans.schemas.outputs import Column, Output, Table


def what_to_check(outputs: Mapping[str, Any], inputs: Mapping[str, Any]) -> Sequence[Output]:
    """One table: each segment and tier with its members and share, each assumption in words."""
    signals, design = outputs.get("signals") or {}, outputs.get("design") or {}
    known = signals.get("members") or 0
    until = f"Recency, frequency and spend of purchases until {signals.get('as_of')}"
    rows: list[list[Any]] = [
        ["Segment", name, members, members / known if known else None, until]
        for name, members in (signals.get("segments") or {}).items()
    ]
    rows += [
        ["Tier", tier["name"], tier["members"], tier["share_of_members"],
         f"Spend of twelve months from {tier['threshold']:,.0f}"]
        for tier in design.get("tiers") or ()
    ]  # fmt: skip
    rows += [
        ["Persona", persona["persona"], persona["members"], persona["share_of_members"], persona["rule"]]
        for persona in design.get("personas") or ()
    ]
    assumed = {
        "Spend of a year": design.get("how_spend_was_projected"),
        "Qualification": design.get("qualification_period"),
        "Downgrade": design.get("downgrade_policy"),
    }
    rows += [["Assumption", name, None, None, text] for name, text in assumed.items() if text]
    columns = (
        Column("kind", "What"),
        Column("name", "Name"),
        Column("members", "Members", "integer"),
        Column("share", "Share of members", "percent"),
        Column("basis", "Rests on"),
    )
    note = (
        "Ranges and sources of the financial assumptions stand in the table Assumptions of the tier design."
    )
    return [Table("segments_to_validate", "Segments, sizes and assumptions to validate", columns, rows, note)]
