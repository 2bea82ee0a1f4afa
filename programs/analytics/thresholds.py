"""Alert thresholds as written, ``retention<0.8,liability>250000``: parsed, and held against values."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from rapidfuzz import process

from programs.analytics.estimate import Estimate, Unavailable


class Comparator(StrEnum):
    """How a value stands to the limit when it alarms."""

    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="

    def holds(self, value: Decimal, limit: Decimal) -> bool:
        """Whether ``value`` alarms."""
        return _OPERATORS[self](value, limit)


_OPERATORS: Mapping[Comparator, Callable[[Decimal, Decimal], bool]] = {
    Comparator.BELOW: operator.lt,
    Comparator.AT_MOST: operator.le,
    Comparator.ABOVE: operator.gt,
    Comparator.AT_LEAST: operator.ge,
}

_COMPARATOR = re.compile("<=|>=|<|>")
_LIMIT = re.compile(r"[+-]?(?P<whole>\d+)(?:\.(?P<fraction>\d+))?(?P<percent>\s*%)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ThresholdRule:
    """Alarm when the metric's value stands to ``limit`` as ``comparator`` says."""

    metric: str
    comparator: Comparator
    limit: Decimal

    def __str__(self) -> str:
        return f"{self.metric}{self.comparator}{self.limit:f}"


class InvalidThresholds(ValueError):
    """Everything wrong with the text at once; ``problems`` are sentences for the person who wrote it."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


def parse_thresholds(text: str, vocabulary: Collection[str]) -> tuple[ThresholdRule, ...]:
    """Rules in the order written; metrics are looked up without regard to case, ``-``, ``_`` and spaces.

    A limit is a plain number of at most 12 digits before and 6 after the point, or a percentage
    (``80%`` is 0.80). Raises InvalidThresholds naming all problems, with the nearest metric's name.
    """
    known = {_fold(name): name for name in vocabulary}
    problems: list[str] = []
    rules: list[ThresholdRule] = []
    for part in text.replace("≤", "<=").replace("≥", ">=").split(","):
        match = _COMPARATOR.search(part)
        if match is None:
            problems.append(_no_rule(part.strip()))
            continue
        name, number = part[: match.start()].strip(), part[match.end() :].strip()
        metric, limit = known.get(_fold(name)), _parse_limit(number)
        if metric is None:
            problems.append(_unknown_metric(name, known))
        if limit is None:
            problems.append(
                f"“{number}” in “{part.strip()}” is no limit; write a number such as 0.8, 250000 or 80%, "
                "with at most 12 digits before and 6 after the point."
            )
        if metric is None or limit is None:
            continue
        rule = ThresholdRule(metric, Comparator(match.group()), limit)
        if any((rule.metric, rule.comparator[0]) == (each.metric, each.comparator[0]) for each in rules):
            problems.append(f"“{metric}” has two limits on the same side; keep one.")
        rules.append(rule)
    if problems:
        raise InvalidThresholds(tuple(problems))
    return tuple(rules)


def first_to_alarm(lines: Iterable[str], vocabulary: Collection[str]) -> str:
    """Several lines of thresholds as one: of limits on one side of a metric the one that alarms first.

    Raises InvalidThresholds as ``parse_thresholds`` does.
    """
    found: dict[tuple[str, str], ThresholdRule] = {}
    for rule in (rule for line in lines if line for rule in parse_thresholds(line, vocabulary)):
        side = (rule.metric, rule.comparator[0])
        known = found.get(side)
        if known is None or _alarms_before(rule, known):
            found[side] = rule
    return ",".join(map(str, found.values()))


def _alarms_before(rule: ThresholdRule, other: ThresholdRule) -> bool:
    if rule.limit == other.limit:
        return rule.comparator in (Comparator.AT_MOST, Comparator.AT_LEAST)
    return (rule.limit > other.limit) == rule.comparator.startswith("<")


def _no_rule(part: str) -> str:
    if not part:
        return "A threshold is empty; write metric, comparator and limit, such as retention<0.8."
    hint = "a limit has no thousands separator" if part.isdigit() else "write for example retention<0.8"
    return f"“{part}” is no threshold; {hint}. Comparators are <, <=, > and >=."


def _unknown_metric(name: str, known: Mapping[str, str]) -> str:
    if not name:
        return "A threshold names no metric."
    nearest = process.extractOne(_fold(name), list(known), score_cutoff=60)
    hint = (
        f"did you mean “{known[nearest[0]]}”?"
        if nearest
        else f"known are {', '.join(sorted(known.values()))}."
    )
    return f"“{name}” is no metric here; {hint}"


def _parse_limit(text: str) -> Decimal | None:
    match = _LIMIT.fullmatch(text)
    # What the registry can store: 12 digits before the point, 6 after.
    decimals = 4 if match and match["percent"] else 6
    if match is None or len(match["whole"]) > 12 or len(match["fraction"] or "") > decimals:
        return None
    number = Decimal(text.rstrip("% \t"))
    return number / 100 if match["percent"] else number


def _fold(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).casefold()


@dataclass(frozen=True, slots=True)
class Alarm:
    """A rule that alarms. ``certain`` when the whole interval does; None when the value has no interval."""

    rule: ThresholdRule
    value: Decimal
    certain: bool | None


@dataclass(frozen=True, slots=True)
class ThresholdReport:
    """Every rule is in exactly one of the three; ``missing`` carries why there was no value."""

    breaches: tuple[Alarm, ...]
    kept: tuple[ThresholdRule, ...]
    missing: tuple[tuple[ThresholdRule, str], ...]


def evaluate_thresholds(
    rules: Collection[ThresholdRule], values: Mapping[str, Decimal | Estimate | Unavailable]
) -> ThresholdReport:
    """Hold each rule against the metric's value. A metric without a value neither alarms nor clears."""
    breaches: list[Alarm] = []
    kept: list[ThresholdRule] = []
    missing: list[tuple[ThresholdRule, str]] = []
    for rule in rules:
        found = values.get(rule.metric, Unavailable("The metric was not measured in this window."))
        if isinstance(found, Unavailable):
            missing.append((rule, found.reason))
            continue
        value = found if isinstance(found, Decimal) else _decimal(found.value)
        if not value.is_finite():
            missing.append((rule, "The metric has no finite value."))
        elif rule.comparator.holds(value, rule.limit):
            breaches.append(Alarm(rule, value, _is_certain(rule, found)))
        else:
            kept.append(rule)
    return ThresholdReport(tuple(breaches), tuple(kept), tuple(missing))


def _is_certain(rule: ThresholdRule, found: Decimal | Estimate) -> bool | None:
    if isinstance(found, Decimal) or found.low is None or found.high is None:
        return None
    return all(rule.comparator.holds(_decimal(end), rule.limit) for end in (found.low, found.high))


def _decimal(value: float) -> Decimal:
    """The shortest decimal that is this float, so that 0.8 meets a limit of 0.8 exactly."""
    return Decimal(repr(float(value)))
