"""How far content lies from what was approved. Pure.

Always measured from the approved baseline: twenty edits of +4.9 % are a factor of 2.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

MISSING = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two versions differ, as a dotted path. A side that is not there is None."""

    path: str
    before: Any
    after: Any


def differences(before: Any, after: Any, path: str = "") -> Iterator[Difference]:
    """Every leaf that differs, in the order of the sorted paths."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}, key=str):
            inner = f"{path}.{key}" if path else str(key)
            yield from differences(before.get(key, MISSING), after.get(key, MISSING), inner)
    elif isinstance(before, list | tuple) and isinstance(after, list | tuple) and len(before) == len(after):
        for number, (left, right) in enumerate(zip(before, after, strict=True)):
            yield from differences(left, right, f"{path}[{number}]")
    elif before != after:
        sides = (None if side is MISSING else side for side in (before, after))
        yield Difference(path, *sides)


def outside(
    before: Mapping[str, Any], after: Mapping[str, Any], tolerances: Mapping[str, float]
) -> tuple[str, ...]:
    """The paths that left the tolerance of their top-level name (relative; undeclared: none)."""
    found = []
    for name in sorted({*before, *after}):
        allowed = Decimal(str(tolerances.get(name, 0)))
        for difference in differences(before.get(name, MISSING), after.get(name, MISSING), name):
            if not _within(difference, allowed):
                found.append(difference.path)
    return tuple(found)


def _within(difference: Difference, allowed: Decimal) -> bool:
    before, after = number_of(difference.before), number_of(difference.after)
    return before is not None and after is not None and abs(after - before) <= allowed * abs(before)


def number_of(value: Any) -> Decimal | None:
    """Decimals are stored as text. What does not read as a finite number, a truth value too, is none."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None
