"""How often a rule was breached, as its counter stands. Pure.

A rule asks for ``breaches`` of the last ``of`` measured periods; ``clear_after`` good ones in a row start
again. A missing period neither counts nor resets; several in a row are a matter of their own.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol, TypeVar

from plans.schemas.declaration import Trigger

BREACHED, GOOD, BETWEEN, MISSING = "breached", "good", "between", "missing"
_PAST: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class OfPeriod(Protocol):
    """What is asked of a reading here."""

    @property
    def period(self) -> str: ...
    @property
    def verdict(self) -> str: ...
    @property
    def updated_at(self) -> datetime: ...


class HeldAgainst(Protocol):
    """A reading with its value, and the threshold that it was held against."""

    @property
    def verdict(self) -> str: ...
    @property
    def value(self) -> str: ...
    @property
    def limit(self) -> str: ...


R = TypeVar("R", bound=OfPeriod)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_LIMIT = re.compile(r"(<=|>=|<|>)\s*([+-]?[0-9.]+)\s*$")


def one_a_period(readings: Iterable[R]) -> list[R]:
    """Of each period the reading that was measured or corrected last; a missing value gives way to any other.

    ``readings`` of one rule, window, model and scope, the oldest first; periods stay in the order in which
    they were first looked at.
    """
    standing: dict[str, R] = {}
    for reading in readings:
        before = standing.get(reading.period)
        if before is None or _rank(reading) >= _rank(before):
            standing[reading.period] = reading
    return list(standing.values())


def of_one_plan(standing: Iterable[R], own: Iterable[OfPeriod]) -> list[R]:
    """The standing readings of those periods that one plan looked at itself, in the order in which it did.

    What other plans looked at between does not come into it; a correction of the same period does.
    """
    by_period = {reading.period: reading for reading in standing}
    return [by_period[period] for period in dict.fromkeys(reading.period for reading in own)]


def _rank(reading: OfPeriod) -> tuple[bool, datetime]:
    return reading.verdict != MISSING, reading.updated_at


def verdicts_under(limit: str, readings: Iterable[HeldAgainst]) -> list[str]:
    """What readings come to under the threshold ``limit``, "" for a rule without: runs bring their own.

    A value that was held against another threshold is held against this one; what is good under a lenient
    limit says nothing about a strict one.
    """
    rules = [(found[1], Decimal(found[2])) for part in limit.split(",") if (found := _LIMIT.search(part))]
    return [
        _under(rules, reading.value) if rules and _is_other(reading, limit) else reading.verdict
        for reading in readings
    ]


def _is_other(reading: HeldAgainst, limit: str) -> bool:
    """A person who corrects a value may write words; what they say of it stands then."""
    is_judged = reading.verdict in (BREACHED, GOOD) and _NUMBER.fullmatch(reading.value) is not None
    return is_judged and bool(reading.limit) and reading.limit != limit


def _under(rules: Sequence[tuple[str, Decimal]], value: str) -> str:
    return BREACHED if any(_PAST[sign](Decimal(value), limit) for sign, limit in rules) else GOOD


@dataclass(frozen=True, slots=True)
class RuleCount:
    """``counted``: indices of the breaches that count; ``missing``: how many periods are missing last."""

    counted: tuple[int, ...]
    is_enough: bool
    missing: int
    is_silent: bool


def verdict(rule: Trigger, value: Decimal | float | str | None) -> str:
    """What a value of a metric rule comes to: breached past the limit, good past the clear limit."""
    if value is None:
        return MISSING
    number, past = Decimal(str(value)), _PAST[rule.comparator]
    if past(number, Decimal(rule.limit)):
        return BREACHED
    clear = rule.clear_limit
    return GOOD if not clear or not past(number, Decimal(clear)) else BETWEEN


def count_breaches(rule: Trigger, verdicts: Sequence[str]) -> RuleCount:
    """Where the counter of ``rule`` stands after ``verdicts``, the oldest first."""
    window: list[int] = []
    good = missing = 0
    for index, found in enumerate(verdicts):
        missing = missing + 1 if found == MISSING else 0
        if found == MISSING:
            continue
        good = good + 1 if found == GOOD else 0
        window = [] if good >= rule.clear_after else [*window, index]
    last = window[-rule.of :] if rule.of else window
    counted = tuple(index for index in last if verdicts[index] == BREACHED)
    is_silent = bool(rule.missing_after) and missing >= rule.missing_after
    return RuleCount(counted, len(counted) >= rule.breaches, missing, is_silent)
