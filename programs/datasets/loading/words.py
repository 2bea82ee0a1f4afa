"""How headers are compared, and which of them we have been told about."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

SHORT_ZONES = {
    "PST": ("America/Los_Angeles", "Etc/GMT+8"), "PT": ("America/Los_Angeles",),
    "PDT": ("America/Los_Angeles", "Etc/GMT+7"), "MT": ("America/Denver",),
    "MST": ("America/Denver", "America/Phoenix"), "CT": ("America/Chicago",),
    "CST": ("America/Chicago", "Asia/Shanghai"), "ET": ("America/New_York",),
    "EST": ("America/New_York", "Etc/GMT+5"), "EDT": ("America/New_York", "Etc/GMT+4"),
    "CET": ("Europe/Paris", "Etc/GMT-1"), "CEST": ("Europe/Paris", "Etc/GMT-2"),
    "BST": ("Europe/London", "Asia/Dhaka"), "IST": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
    "AEST": ("Australia/Sydney", "Australia/Brisbane"), "JST": ("Asia/Tokyo",), "SGT": ("Asia/Singapore",),
}  # fmt: skip
"""Short names in headers, and places whose clocks they may mean: asked about, never taken."""
ZONE = re.compile(rf"\s*[(\[](UTC|GMT|Z|{'|'.join(SHORT_ZONES)}|[A-Za-z_]+/[A-Za-z_/]+)[)\]]\s*$")
"""A zone said in a header: “Created date (UTC)”, or a short name, “(PST)”, which is asked about."""


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
    if said[1] in ("Z", "GMT"):
        return "UTC"
    return said[1] if said[1] == "UTC" or "/" in said[1] else ""


def short_zone_of(header: str) -> str:
    """The short name of a zone that a header says, or "": PST may be meant with summer time or without."""
    said = ZONE.search(header)
    return said[1] if said and "/" not in said[1] and not zone_of(header) else ""


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
