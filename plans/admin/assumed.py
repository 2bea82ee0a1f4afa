"""Assumptions on the plan page: which of them can be edited where they stand, and what an edit asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from plans.models import Plan
from plans.runs import registry
from plans.schemas.spreads import PARTS, ShareLimit, Spread

LIKELY = "likely"


def editable(plan: Plan, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each row with ``fields`` where an input of the command sets it, in the same unit: name, label, text."""
    command = registry.find(plan.command_key)
    inputs = {i.row: i for i in command.inputs if i.row} if command else {}
    return [{**row, "fields": _fields(inputs.get(row["name"]), row)} for row in rows]


def edited(plan: Plan, rows: Iterable[Mapping[str, Any]], typed: Mapping[str, str]) -> dict[str, str]:
    """Input → what it is to be, as people type it, for the rows of which a value was typed anew."""
    found = {}
    for row in editable(plan, rows):
        texts = {one["name"]: typed.get(one["name"], one["text"]).strip() for one in row["fields"]}
        if any(texts[one["name"]] != one["text"] for one in row["fields"]):
            found[row["fields"][0]["input"]] = "/".join(texts.values())
    return found


def _fields(asked: Any, row: Mapping[str, Any]) -> list[dict[str, str]]:
    if asked is None:
        return []
    is_spread = isinstance(asked, Spread) and not isinstance(asked, ShareLimit)
    return [
        {
            "input": asked.name,
            "name": f"{asked.name}-{part}",
            "part": part,
            "label": f"{row['name']}, {part}",
            "text": format(row[part], ".10g"),
        }
        for part in (PARTS if is_spread else (LIKELY,))
    ]
