"""A whole output on a page of its own: searched, sorted by a column, a hundred rows at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.core.paginator import Paginator
from django.utils.http import urlencode

from plans.export import render
from plans.templatetags.gtm import NUMERIC

ROWS_ON_A_PAGE = 100
LONGEST_SEARCH = 200


def page_of(payload: Mapping[str, Any], asked: Mapping[str, str]) -> dict[str, Any]:
    """``asked``: q, a text that a row holds; sort, a column from 1, with "-" for the largest first; page."""
    grid = render.grid(payload)
    words = asked.get("q", "").strip()[:LONGEST_SEARCH]
    rows = [row for row in grid.rows if not words or _holds(row, words)]
    column, falls = _column(asked.get("sort", ""), len(grid.header))
    if column is not None:
        rows = _sorted(rows, column, grid.kinds[column], falls=falls)
    columns = zip(grid.header, grid.kinds, grid.units, strict=True)
    page = Paginator(rows, ROWS_ON_A_PAGE).get_page(asked.get("page"))
    return {
        "grid": replace(grid, rows=list(page.object_list)),
        "rows": page,
        "q": words,
        "total": len(grid.rows),
        "columns": [
            {
                "name": name, "kind": kind, "unit": unit,
                "url": _address(words, f"-{n}" if column == n - 1 and not falls else str(n)),
                "order": ("descending" if falls else "ascending") if column == n - 1 else "",
            }
            for n, (name, kind, unit) in enumerate(columns, start=1)
        ],
        "turn": _address(words, asked.get("sort", "") if column is not None else ""),
        "formats": render.formats_of(payload),
    }  # fmt: skip


def _holds(row: Sequence[Any], words: str) -> bool:
    return any(words.casefold() in str(value).casefold() for value in row if value is not None)


def _column(asked: str, columns: int) -> tuple[int | None, bool]:
    number = asked.removeprefix("-")
    if not number.isdecimal() or len(number) > 4 or not 1 <= int(number) <= columns:
        return None, False
    return int(number) - 1, asked.startswith("-")


def _sorted(rows: Sequence[Any], column: int, kind: str, *, falls: bool) -> list[Any]:
    """Numbers by size, texts by letter; what is empty or no number stands last either way."""

    def value(row: Sequence[Any]) -> Any:
        found = row[column]
        if kind in NUMERIC:
            try:
                return float(found)
            except (TypeError, ValueError):
                return None
        return str(found).casefold() if found not in (None, "") else None

    known = [row for row in rows if value(row) is not None]
    empty = [row for row in rows if value(row) is None]
    return [*sorted(known, key=value, reverse=falls), *empty]


def _address(words: str, sort: str) -> str:
    return f"?{urlencode({name: told for name, told in (('q', words), ('sort', sort)) if told})}"
