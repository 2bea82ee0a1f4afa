"""A line of the customer's documents, and how it is read from what plans that ran have left.

A place names a record and a way into it: ``loyalty json.escalations[negative-roi].evidence``. ``[x]`` is the
first item of a list that holds the value x, ``[name=x]`` the first that holds it by that name, ``[*]`` all of
them. A place that is not there is a line that is not kept: no check passes on what is missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Evidence = Mapping[str, Mapping[str, Any]]
"""Name of a run → what it left."""
_PART = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")


class NotThere(LookupError):
    """A place holds nothing."""


@dataclass(frozen=True, slots=True)
class Line:
    """``text`` as the table of the documents has it, ``says`` the document's own words.

    ``keeps`` judges the values at ``places``, in their order. ``no`` is why the line is not kept.
    """

    text: str
    says: str
    places: tuple[str, ...]
    keeps: Callable[..., Any]
    no: str = ""

    def values(self, evidence: Evidence) -> list[Any]:
        return [read(evidence, place) for place in self.places]

    def is_kept(self, evidence: Evidence) -> bool:
        try:
            return judges(self.keeps, self.values(evidence))
        except NotThere:
            return False


def judges(keeps: Callable[..., Any], values: list[Any]) -> bool:
    """A judgement of values; those of another shape than it needs do not keep a line."""
    try:
        return bool(keeps(*values))
    except (TypeError, AttributeError, LookupError, ValueError):
        return False


def read(evidence: Evidence, place: str) -> Any:
    """What stands at a place. Raises NotThere."""
    record, _, path = place.partition(" ")
    if record not in evidence:
        raise NotThere(record)
    return _follow(evidence[record], _PART.findall(path), place)


def _follow(value: Any, parts: list[tuple[str, str]], place: str) -> Any:
    for at, (item, name) in enumerate(parts):
        if item == "*":
            if not isinstance(value, list) or not value:
                raise NotThere(place)
            return [_follow(one, parts[at + 1 :], place) for one in value]
        value = _item(value, item, place) if item else _member(value, name, place)
    return value


def _member(value: Any, name: str, place: str) -> Any:
    if not isinstance(value, Mapping) or name not in value:
        raise NotThere(f"{place}: {name}")
    return value[name]


def _item(value: Any, wanted: str, place: str) -> Any:
    """The first of a list that holds the wanted value."""
    name, _, wished = wanted.rpartition("=")
    for one in value if isinstance(value, list) else ():
        if name:
            held = [one[name]] if isinstance(one, Mapping) and name in one else []
        else:
            held = list(one.values()) if isinstance(one, Mapping) else [one]
        if any(not isinstance(v, Mapping | list) and str(v) == wished for v in held):
            return one
    raise NotThere(f"{place}: [{wanted}]")
