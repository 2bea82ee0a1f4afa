"""How headers are compared, and which of them we have been told about."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

ZONE = re.compile(r"\s*[(\[](UTC|GMT|Z|[A-Za-z_]+/[A-Za-z_/]+)[)\]]\s*$")
"""A zone said in a header: “Created date (UTC)”."""


def fold(header: str) -> str:
    """A header without case, spaces and punctuation: "Order-Date " → "orderdate"."""
    return re.sub(r"[\W_]+", "", header).casefold()


def bare(header: str) -> str:
    """A header folded, without the zone it may say: "Created date (UTC)" → "createddate"."""
    return fold(ZONE.sub("", header))


def zone_of(header: str) -> str:
    """The zone that a header says, or ""."""
    said = ZONE.search(header)
    if not said:
        return ""
    return "UTC" if said[1] in ("Z", "GMT") else said[1]


@dataclass(frozen=True, slots=True)
class Wanted:
    """``words``: folded headers that we know; ``named``: headers that the person named, as they are."""

    words: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()

    @classmethod
    def of(cls, words: Iterable[str], named: Iterable[str] = ()) -> Wanted:
        names = frozenset(named)
        return cls(frozenset(map(fold, words)) | frozenset(map(fold, names)), names)

    def known(self, cells: Iterable[str]) -> int:
        """How many of the cells are headers that we know."""
        return sum(bare(cell) in self.words for cell in cells if cell)
