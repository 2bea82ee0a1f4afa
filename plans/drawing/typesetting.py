"""A report as PDF: content as data, set by a template of ours in a process of its own.

What people wrote is data of the template from its beginning to its end: no text is ever read as markup or
as code. Letters that none of the fonts has are counted and printed as □, so that whoever prints can say so.
"""

from __future__ import annotations

import json
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from plans.drawing import children

CHILD = "plans.drawing.typeset_child"
LETTERS = Path(__file__).parent / "fonts" / "letters.txt"
FAILED = "The report cannot be made at the moment."
INSTEAD = "□"


def pdf(content: Mapping[str, Any], at: str) -> bytes:
    """``content`` as the template ``report.typ`` reads it, made ``at`` (ISO 8601 with a zone), as PDF/UA-1.

    The same content gives the same bytes. Every letter in it must be printable (see ``printable``). Raises
    NotNow where it cannot be made at the moment.
    """
    return children.asked(CHILD, json.dumps({"content": content, "at": at}), FAILED)


def printable(value: Any, missing: Counter[str]) -> Any:
    """A JSON value with letters that can be printed in all its texts; ``missing`` counts the others."""
    if isinstance(value, str):
        return "".join(one if has(one) else _instead(one, missing) for one in value)
    if isinstance(value, Mapping):
        return {key: printable(item, missing) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [printable(item, missing) for item in value]
    return value


def has(letter: str) -> bool:
    """Whether the fonts have it; ends of lines are no letters."""
    starts, ends = _ranges()
    place = bisect_right(starts, ord(letter)) - 1
    return letter == "\n" or (place >= 0 and ord(letter) <= ends[place])


def _instead(letter: str, missing: Counter[str]) -> str:
    if letter == "\t":
        return " "
    if unicodedata.category(letter) in ("Cc", "Cf"):  # controls, joins or directs others: shows nothing
        return ""
    missing[letter] += 1
    return INSTEAD


@cache
def _ranges() -> tuple[list[int], list[int]]:
    pairs = [line.split("-") for line in LETTERS.read_text().split()]
    return [int(pair[0], 16) for pair in pairs], [int(pair[-1], 16) for pair in pairs]
