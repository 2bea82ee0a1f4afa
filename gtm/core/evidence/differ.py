"""What differs between two versions of governed content: each place with its old and its new value. Pure.

A place is a path such as ``tiers/2/threshold``. Rows of a list are found again by what names them (rank, key,
signal), so that one that was added does not read like a change of all that follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NAMES = ("rank", "rung", "key", "slug", "signal", "role", "agent", "name", "kind")
"""What names a row of a list, the first that all rows of both sides have and none shares."""
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class ContentChange:
    """A place where content moved. A side that is not there is None."""

    place: str
    before: Any
    after: Any


def differ(before: Any, after: Any, at: str = "") -> Iterator[ContentChange]:
    """Every place that differs, in the order of the places. A row that came or went is one place."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}, key=_natural):
            yield from differ(
                before.get(key, _ABSENT), after.get(key, _ABSENT), f"{at}/{key}" if at else str(key)
            )
        return
    if _are_rows(before) and _are_rows(after) and (name := _name_of_rows(before, after)):
        yield from differ(_by_name(before, name), _by_name(after, name), at)
        return
    if before != after:
        yield ContentChange(at, *(None if side is _ABSENT else side for side in (before, after)))


def _are_rows(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _name_of_rows(*sides: Sequence[Mapping[str, Any]]) -> str:
    for name in NAMES:
        if all(_tells_apart(rows, name) for rows in sides):
            return name
    return ""


def _tells_apart(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    found = [row.get(name) for row in rows]
    return all(isinstance(one, str | int) for one in found) and len(set(found)) == len(found)


def _by_name(rows: Sequence[Mapping[str, Any]], name: str) -> dict[Any, dict[str, Any]]:
    return {row[name]: {key: value for key, value in row.items() if key != name} for row in rows}


def _natural(key: Any) -> tuple[int, int, str]:
    return (0, key, "") if isinstance(key, int) else (1, 0, str(key))
