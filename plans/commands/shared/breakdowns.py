"""Answers per group: dimensions as people write them, labels, and small groups merged and said so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from programs.analytics.grouping import merge_small_groups

TOTAL = "All"
NOT_RECORDED = "not recorded"


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Sums per label, biggest first; ``note`` says what was merged ("" where nothing was)."""

    rows: Mapping[str, Mapping[str, Any]]
    label_of: Mapping[str, str]
    note: str


def column_of(dimension: str) -> str:
    """``partner-tier`` → ``partner_tier``."""
    return dimension.replace("-", "_")


def label(row: Mapping[str, Any], dimensions: Sequence[str]) -> str:
    """How a group is named: its values in the order the dimensions were asked for."""
    return " · ".join(str(row[column_of(name)] or NOT_RECORDED) for name in dimensions) or TOTAL


def merge_small(
    rows: Sequence[Mapping[str, Any]], dimensions: Sequence[str], *, size: str, minimum: int
) -> Breakdown:
    """Sum numeric columns per group and merge groups with less than ``minimum`` of column ``size``.

    The sums over the groups equal the sums over ``rows``: nothing is left out.
    """
    members: dict[str, int] = {}
    for row in rows:
        name = label(row, dimensions)
        members[name] = members.get(name, 0) + int(row[size])
    merged = merge_small_groups(members, minimum=minimum)
    note = ""
    if merged.merged:
        note = f"Groups with fewer than {minimum} {size} are merged: {', '.join(merged.merged)}."
    return relabel(rows, dimensions, merged.label_of, note, order=tuple(merged.members))


def relabel(
    rows: Sequence[Mapping[str, Any]],
    dimensions: Sequence[str],
    label_of: Mapping[str, str],
    note: str = "",
    *,
    order: Sequence[str] = (),
) -> Breakdown:
    """Sum ``rows`` under labels chosen elsewhere, so that two windows show the same groups.

    A group the labels do not know stands under the merged label, or under its own name where nothing was merged.
    """
    merged = next((to for name, to in label_of.items() if to != name), "")
    totals: dict[str, dict[str, Any]] = {name: {} for name in order}
    for row in rows:
        name = label(row, dimensions)
        into = totals.setdefault(label_of.get(name, merged or name), {})
        for key, value in row.items():
            if not isinstance(value, str):
                into[key] = into.get(key, 0) + value
    return Breakdown(totals, label_of, note)
