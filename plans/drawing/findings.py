"""One line that says what an output says, for whoever has not opened it yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plans.templatetags.gtm import figure

MOST_LETTERS = 140


def finding(payload: Mapping[str, Any]) -> str:
    """A line about a stored output: its first figure, its first words, how much there is of it."""
    told = _TOLD.get(payload["kind"], _note)(payload)
    return told if len(told) <= MOST_LETTERS else f"{told[: MOST_LETTERS - 1].rstrip()}…"


def _metrics(payload: Mapping[str, Any]) -> str:
    known = [item for item in payload["items"] if item["value"] is not None]
    if not known:
        return "None of its figures is available."
    return "; ".join(f"{item['label']} {figure(item)}" for item in known[:2])


def _table(payload: Mapping[str, Any]) -> str:
    count = len(payload["rows"])
    return f"{count:,} row{'s' * (count != 1)}"


def _chart(payload: Mapping[str, Any]) -> str:
    return payload.get("note") or f"{len(payload['categories'])} values of {len(payload['series'])} series"


def _document(payload: Mapping[str, Any]) -> str:
    for section in payload["sections"]:
        for line in (*section["paragraphs"], *section["bullets"]):
            return str(line)
    return "No text."


def _items(payload: Mapping[str, Any]) -> str:
    items = payload["items"]
    return f"First of {len(items)}: {items[0]['title']}" if items else "Nothing is proposed."


def _note(payload: Mapping[str, Any]) -> str:
    return str(payload.get("note") or "")


_TOLD = {
    "metrics": _metrics,
    "table": _table,
    "chart": _chart,
    "document": _document,
    "backlog": _items,
    "messages": _items,
}
