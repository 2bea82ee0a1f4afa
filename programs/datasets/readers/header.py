"""Which row names the columns, and names for columns that share one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from programs.datasets.loading.words import Wanted
from programs.datasets.readers.base import refuse

LOOKED_AT = 50
"""Rows looked at for the header; more lines than that above a table nobody has sent."""


def header_index(name: str, rows: Sequence[tuple[int, list[str]]], said: str, wanted: Wanted) -> int:
    """The position of the row that names the columns, among the first (number, cells) of a file.

    The first row, unless nothing in it is known and a later one has at least two columns that are; or unless
    it has titles of groups of columns, most of its cells empty, and the next row names more of them.
    """
    if said:
        if not said.isdecimal() or int(said) == 0:
            raise refuse(
                name, f"“{said}” is not the number of a row: header_row counts from 1.", code="option"
            )
        found = [index for index, (number, _) in enumerate(rows) if number == int(said)]
        if not found:
            raise refuse(
                name,
                f"header_row is {said}, which is empty or not among the first {LOOKED_AT} that are filled.",
                code="option",
                allowed=tuple(str(number) for number, _ in rows[:5]),
            )
        return found[0]
    known = [wanted.known(row) for _, row in rows]
    if known and known[0] and len(rows) > 1 and known[1] and _is_above(rows[0][1], rows[1][1]):
        return 1
    if not known or known[0]:
        return 0
    best = max(range(len(rows)), key=lambda index: (known[index], -index))
    return best if known[best] > 1 else 0


def _is_above(titles: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a row has titles of groups of columns, and the next one the names of the columns."""
    filled = sum(bool(cell.strip()) for cell in titles)
    return 2 * filled <= len(names) and 2 * filled <= sum(bool(cell.strip()) for cell in names)


def told_apart(headers: Sequence[str]) -> tuple[str, ...]:
    """The headers, where several columns have the same name each with its place: “Amount (column 3)”."""
    count = Counter(header for header in headers if header)
    return tuple(
        f"{header} (column {place})" if count[header] > 1 else header
        for place, header in enumerate(headers, start=1)
    )


def above(index: int, number: int) -> tuple[str, ...]:
    """A note about rows above the header."""
    return (f"the columns are named in row {number}; the rows above it are left out",) if index else ()
