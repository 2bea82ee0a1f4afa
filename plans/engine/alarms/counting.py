"""How often a rule was breached, as its counter stands. Pure.

A rule asks for ``breaches`` of the last ``of`` measured periods; ``clear_after`` good ones in a row start
again. A missing period neither counts nor resets; several in a row are a matter of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

BREACHED, GOOD, BETWEEN, MISSING = "breached", "good", "between", "missing"
_PAST = {
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
}


@dataclass(frozen=True, slots=True)
class RuleCount:
    """``counted``: indices of the breaches that count; ``missing``: how many periods are missing last."""

    counted: tuple[int, ...]
    is_enough: bool
    missing: int
    is_silent: bool


def verdict(rule: Mapping[str, Any], value: Decimal | float | str | None) -> str:
    """What a value of a metric rule comes to: breached past the limit, good past the clear limit."""
    if value is None:
        return MISSING
    number, past = Decimal(str(value)), _PAST[rule["comparator"]]
    if past(number, Decimal(str(rule["limit"]))):
        return BREACHED
    clear = rule.get("clear_limit")
    return GOOD if clear in (None, "") or not past(number, Decimal(str(clear))) else BETWEEN


def count_breaches(rule: Mapping[str, Any], verdicts: Sequence[str]) -> RuleCount:
    """Where the counter of ``rule`` stands after ``verdicts``, the oldest first."""
    needed, clear_after = rule.get("breaches", 2), rule.get("clear_after", 1)
    window: list[int] = []
    good = missing = 0
    for index, found in enumerate(verdicts):
        missing = missing + 1 if found == MISSING else 0
        if found == MISSING:
            continue
        good = good + 1 if found == GOOD else 0
        window = [] if good >= clear_after else [*window, index]
    last = window[-rule["of"] :] if rule.get("of") else window
    counted = tuple(index for index in last if verdicts[index] == BREACHED)
    silent_after = rule.get("missing_after", 2)
    return RuleCount(counted, len(counted) >= needed, missing, bool(silent_after) and missing >= silent_after)
