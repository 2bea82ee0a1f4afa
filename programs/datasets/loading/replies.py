"""Answers to the questions of a load that a person gives with one click: an option and its value."""

from __future__ import annotations

from dataclasses import dataclass

from programs.datasets.loading.encodings import LIKELY
from programs.datasets.loading.option_words import meaning, title
from programs.datasets.loading.problems import Problem
from programs.datasets.loading.said import quoted

SETTLED_BY = {
    "ambiguous_dates": "date_format",
    "contradicting_dates": "date_format",
    "half_converted_dates": "date_format",
    "short_years": "date_format",
    "ambiguous_decimals": "decimal_separator",
    "contradicting_decimals": "decimal_separator",
    "line_items": "line_items",
    "unit": "unit",
    "ambiguous_sheet": "sheet",
    "no_sheet": "sheet",
    "ambiguous_records": "records",
    "no_records": "records",
    "delimiter": "delimiter",
    "no_currency": "currency",
    "other_currency": "currency",
    "encoding": "encoding",
}
LISTS = {
    "filters": "; ",
    "value_map": "; ",
    "constants": ", ",
    "ignore_columns": ", ",
    "subtract_columns": ", ",
    "add_columns": ", ",
}
"""Options of which one answer is added to another."""
MAPPING = "mapping"
"""In the place of an option: a column of ours and theirs."""
MOST = 6


@dataclass(frozen=True, slots=True)
class Reply:
    """``label`` is what it does, in words."""

    option: str
    value: str
    label: str


def replies(problem: Problem) -> tuple[Reply, ...]:
    """The answers that a problem names, none where only a person can think of one."""
    given = problem.answers
    if not given and (option := SETTLED_BY.get(problem.code)):
        allowed = LIKELY if option == "encoding" else problem.allowed
        values = [value for value in allowed if option != "currency" or len(value) == 3]
        given = tuple((option, value) for value in values[:MOST])
    return tuple(Reply(option, value, _label(option, value)) for option, value in given)


def joined(option: str, before: str, value: str) -> str:
    """An option with one more answer: put beside what was said before, or in its place."""
    if option not in LISTS or not before.strip():
        return value
    parts = [part.strip() for part in before.split(LISTS[option].strip())]
    return before if value in parts else f"{before.rstrip(' ;,')}{LISTS[option]}{value}"


def _label(option: str, value: str) -> str:
    if option == "filters":
        column, _, words = value.partition(": ")
        return f"Load only rows without “{_bare(column)}”" if words == '""' else f"Load only {words}"
    if option == MAPPING:
        ours, _, theirs = value.partition("=")
        return f"{ours} is “{theirs}”"
    if option == "ignore_columns":
        return f"“{_bare(value)}” does not matter: load all rows"
    if option == "subtract_columns":
        return f"Subtract “{_bare(value)}” from the amount"
    return f"{title(option)}: {meaning(option, value)}"


def _bare(name: str) -> str:
    return name[1:-1].replace('""', '"') if name != quoted(name) or name.startswith('"') else name
