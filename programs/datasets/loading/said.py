"""What the options of a load say, read once: lists, words for words, filters, numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from zoneinfo import available_timezones

from programs.datasets.contracts import Contract, Type
from programs.datasets.loading.limits import CHOICES, Options
from programs.datasets.loading.problems import DatasetProblems, Problem, nearest


@dataclass(frozen=True, slots=True)
class Filter:
    """Rows to keep: those whose ``column`` (theirs) has one of ``values``, or with ``but`` none of them."""

    column: str
    values: tuple[str, ...]
    but: bool

    def sentence(self) -> str:
        listed = ", ".join(value or "empty" for value in self.values)
        return f"{self.column} is {listed}" if self.but else f"{self.column} is not {listed}"


@dataclass(frozen=True, slots=True)
class Said:
    """``constants``: ours → value. ``words``: ours → their word, folded → ours. The rest: see ``CHOICES``."""

    constants: dict[str, str]
    words: dict[str, dict[str, str]]
    filters: tuple[Filter, ...]
    ignored: tuple[str, ...]
    added: tuple[str, ...]
    subtracted: tuple[str, ...]
    nobody: tuple[str, ...]
    footer_rows: int
    original: str = ""
    time: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of theirs that the options name and that must be there."""
        named = (
            *(each.column for each in self.filters),
            *self.added,
            *self.subtracted,
            self.original,
            self.time,
        )
        return tuple(filter(None, named))


def read_said(options: Options, contract: Contract) -> Said:
    """Raises DatasetProblems with everything that an option says and cannot mean."""
    problems = [*_impossible(options), *out_of_place(options, contract)]
    constants = _pairs("constants", _cut(options.constants, ","), problems)
    for name in constants:
        if name not in contract.by_name:
            problems.append(_no_column("constants", name, contract))
    words = _words(options.value_map, contract, problems)
    said = Said(
        constants,
        words,
        _filters(options.filters, problems),
        _names(options.ignore_columns),
        _names(options.add_columns),
        _names(options.subtract_columns),
        tuple(name.lower() for name in _names(options.nobody)),
        int(options.footer_rows) if options.footer_rows.isdecimal() else 0,
        options.original_column.strip(),
        options.time_column.strip(),
    )
    if problems:
        raise DatasetProblems(problems)
    return said


def given(options: Options, said: Said) -> frozenset[str]:
    """Columns of ours that no column of theirs needs to be."""
    return frozenset(said.constants) | ({"entry"} if options.sign_rule == "negative_redeems" else set())


@cache
def _zones() -> set[str]:
    """Read once: the system keeps them as six hundred files."""
    return available_timezones()


def _impossible(options: Options) -> Iterable[Problem]:
    zones = _zones()
    if options.time_zone not in zones:
        yield Problem(
            "time_zone",
            f"“{options.time_zone}” is not an IANA time zone.",
            nearest=nearest(options.time_zone, zones),
            code="unknown_time_zone",
        )
    for choice in CHOICES:
        value = getattr(options, choice.name)
        if value and choice.allowed and value not in choice.allowed:
            yield Problem(choice.name, f"“{value}” is not possible.", allowed=choice.allowed, code="option")
    if options.most_rejected and not (
        options.most_rejected.isdecimal() and int(options.most_rejected) <= 100
    ):
        yield _wrong("most_rejected", options.most_rejected, "is not a share from 0 to 100")
    if options.footer_rows and not options.footer_rows.isdecimal():
        yield _wrong("footer_rows", options.footer_rows, "is not a number of rows")


def out_of_place(options: Options, contract: Contract) -> Iterable[Problem]:
    """Options that say something about columns which this kind of data has not."""
    has_amount = "amount" in contract.money
    for name, possible in (
        ("line_items", {"amount", "quantity", "order_id"} <= contract.by_name.keys()),
        ("add_columns", has_amount),
        ("subtract_columns", has_amount),
        ("unit", bool(contract.money)),
    ):
        if getattr(options, name) and not possible:
            yield Problem(name, f"{contract.title} have no amounts that it could be about.", code="option")
    if options.time_column and not contract.time:
        yield Problem("time_column", f"{contract.title} have no time.", code="option")
    if options.original_column and not contract.unkeyed:
        yield Problem("original_column", f"{contract.title} have no rows that change others.", code="option")
    if options.sign_rule == "negative_redeems" and contract.kind != "point_ledger":
        yield Problem(
            "sign_rule", f"{contract.title} have no points to redeem.", allowed=("flipped",), code="option"
        )
    if options.sign_rule == "flipped" and not (contract.money or "points" in contract.by_name):
        yield Problem("sign_rule", f"{contract.title} have no amounts that it could be about.", code="option")


def _words(text: str, contract: Contract, problems: list[Problem]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for group in _cut(text, ";"):
        head, *rest = _cut(group, ":")
        pairs = _pairs("value_map", _cut(":".join(rest) if rest else head, ","), problems)
        column = _unquoted(head) if rest else _column_of(pairs.values(), contract)
        if column not in contract.by_name:
            problems.append(_no_column("value_map", column or group, contract))
            continue
        allowed = contract.by_name[column].allowed
        for theirs, ours in pairs.items():
            if allowed and ours not in allowed:
                problems.append(
                    Problem(
                        "value_map",
                        f"{column} cannot be “{ours}”, as “{theirs}” would be.",
                        allowed=allowed,
                        nearest=nearest(ours, allowed),
                        code="option",
                    )
                )
            found.setdefault(column, {})[theirs.strip().lower()] = ours
    return found


def _column_of(targets: Iterable[str], contract: Contract) -> str:
    """The one column whose words are all among ``targets``, where that leaves no doubt."""
    fitting = [
        column.name
        for column in contract.columns
        if column.type is Type.CATEGORY and set(targets) and set(targets) <= set(column.allowed)
    ]
    return fitting[0] if len(fitting) == 1 else ""


def _filters(text: str, problems: list[Problem]) -> tuple[Filter, ...]:
    found = []
    for group in _cut(text, ";"):
        head, *rest = _cut(group, ":")
        if not rest:
            problems.append(_wrong("filters", group, "names no values"))
            continue
        but = head.startswith("!")
        values = tuple(_unquoted(value).lower() for value in _cut(":".join(rest), ","))
        found.append(Filter(_unquoted(head.removeprefix("!").strip()), values, but))
    return tuple(found)


def _pairs(option: str, parts: list[str], problems: list[Problem]) -> dict[str, str]:
    found = {}
    for part in parts:
        name, *value = _cut(part, "=")
        if len(value) != 1 or not name:
            problems.append(_wrong(option, part, "is not of the form a=b"))
        else:
            found[_unquoted(name)] = _unquoted(value[0])
    return found


def _names(text: str) -> tuple[str, ...]:
    return tuple(_unquoted(part) for part in _cut(text, ","))


def _cut(text: str, separator: str) -> list[str]:
    """The parts between separators that are not in double quotes, trimmed; empty ones are left out."""
    parts, current, quoted = [], "", False
    for character in text:
        if character == '"':
            quoted = not quoted
        if character == separator and not quoted:
            parts.append(current)
            current = ""
        else:
            current += character
    return [part.strip() for part in (*parts, current) if part.strip()]


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('""', '"')
    return text


def quoted(name: str) -> str:
    """A name as an option writes it: in double quotes where a sign of the option's own is in it."""
    return '"' + name.replace('"', '""') + '"' if set(name) & set(',;:="!') else name


def value_map_of(words: Mapping[str, Mapping[str, str]]) -> str:
    """Words by column of ours, theirs → ours, as the option ``value_map`` writes them."""
    groups = (
        f"{column}: {', '.join(f'{quoted(theirs)}={ours}' for theirs, ours in pairs.items())}"
        for column, pairs in words.items()
        if pairs
    )
    return "; ".join(groups)


def _no_column(option: str, name: str, contract: Contract) -> Problem:
    return Problem(
        option,
        f"{contract.title} have no column “{name}”.",
        allowed=tuple(contract.by_name),
        nearest=nearest(name, contract.by_name),
        code="unknown_column",
    )


def _wrong(option: str, value: str, why: str) -> Problem:
    example = next(choice.example for choice in CHOICES if choice.name == option)
    return Problem(option, f"“{value}” {why}; write it as in {option}={example}.", code="option")
