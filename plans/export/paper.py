"""The parts a printed report is made of, as data for the template ``plans/drawing/report.typ``."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

Part = Mapping[str, Any]

LETTERS_OF_A_LINE = 108
"""Letters of a table that fit between the margins."""
LONGEST_WORD, LONGEST_CELL = 16, 90
"""Letters of a column at most, for its longest word and for its longest line: longer ones go over lines."""
SIZES = ((14, 15), (22, 11))
"""Letters of a figure up to which it is printed at a size in points."""
SMALLEST = 9
PAGE: Part = {"kind": "page"}
CONTENTS: Part = {"kind": "contents", "title": "In this report"}


def heading(text: Any, level: int = 2) -> Part:
    return {"kind": "heading", "text": str(text), "level": level}


def text(value: Any) -> Part:
    return {"kind": "text", "text": str(value), "style": "plain"}


def remark(value: Any) -> Part:
    """A text in small letters."""
    return {"kind": "text", "text": str(value), "style": "help"}


def labelled(label: str, value: Any) -> Part:
    return {"kind": "labelled", "label": label, "text": str(value)}


def bullets(items: Sequence[Any]) -> list[Part]:
    return [{"kind": "bullets", "items": [str(one) for one in items]}] if items else []


def picture(svg: bytes, alt: str) -> Part:
    """A drawing, with the words for whoever does not see it."""
    return {"kind": "picture", "svg": svg.decode(), "alt": alt}


def verdict(family: str, words: str, headline: str) -> Part:
    return {"kind": "verdict", "family": family, "verdict": words, "headline": headline}


def figures(items: Sequence[tuple[str, str, Sequence[str]]]) -> list[Part]:
    """Figures side by side: what each is, its value, and what is said of it below."""
    made = [
        {"label": label, "value": value, "more": list(more), "size": _size(value)}
        for label, value, more in items
    ]
    return [{"kind": "figures", "items": made}] if made else []


def _size(value: str) -> int:
    return next((size for most, size in SIZES if len(value) <= most), SMALLEST)


def table(head: Sequence[Any], rows: Sequence[Sequence[Any]], right: Sequence[int] = ()) -> Part:
    """A table over the whole width; the columns in ``right`` hold numbers. Widths follow the cells."""
    named = [str(name) for name in head]
    told = [[str(value) for value in row] for row in rows]
    widths = _widths([[name, *(row[n] for row in told)] for n, name in enumerate(named)])
    shares = [width / sum(widths) * LETTERS_OF_A_LINE for width in widths]
    return {
        "kind": "table",
        "head": named,
        "rows": told,
        "widths": [round(share, 2) for share in shares],
        "letters": [max(int(share) - 2, 4) for share in shares],
        "right": list(right),
    }


def _widths(columns: Sequence[Sequence[str]]) -> list[float]:
    """What each column needs for its longest word; of the rest all get the same, until they have enough.

    Names of columns may take two lines.
    """
    needs = [min(max(_long(w) for v in one for w in v.split() or [""]), LONGEST_WORD) + 2 for one in columns]
    wants = [
        min(max([-(-_long(head) // 2), *(_long(w) for v in cells for w in v.split("\n"))]), LONGEST_CELL) + 2
        for head, *cells in columns
    ]
    widths = [float(need) for need in needs]
    left = LETTERS_OF_A_LINE - sum(widths)
    wishes = sorted((max(want - need, 0), n) for n, (need, want) in enumerate(zip(needs, wants, strict=True)))
    for place, (wish, n) in enumerate(wishes):
        more = min(wish, max(left, 0) / (len(wishes) - place))
        widths[n] += more
        left -= more
    return widths


def _long(value: str) -> int:
    """Letters, those of Chinese, Japanese and Korean twice as wide."""
    return sum(1 + (unicodedata.east_asian_width(one) in "WF") for one in value)


def section(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Part]:
    """A heading and its table, or nothing where there is nothing to tell."""
    return [heading(title), table(head, rows)] if rows else []
