"""What changed between two rounds in words of the business: no paths, no digests."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from plans.engine.gates.tolerance import Difference
from plans.templatetags.gtm import cell

DIGEST = re.compile(r"[0-9a-f]{64}")
MOST = 20
PARTS = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class ChangeInWords:
    """What changed, before and after, as people read it."""

    what: str
    before: str
    after: str


def in_words(found: Iterable[Difference]) -> tuple[list[ChangeInWords], int]:
    """The changes that people can read, at most ``MOST``, and how many more there are."""
    told = [
        ChangeInWords(_named(one.path), cell(one.before), cell(one.after))
        for one in found
        if not (_is_digest(one.before) or _is_digest(one.after))
    ]
    return told[:MOST], max(len(told) - MOST, 0)


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None


def _named(path: str) -> str:
    """“design.tiers[1].annual_pool” as “Design: tiers, no. 2, annual pool”."""
    head, *parts = (
        f"no. {int(number) + 1}" if number else name.replace("_", " ") for name, number in PARTS.findall(path)
    )
    return f"{head.capitalize()}: {', '.join(parts)}" if parts else head.capitalize()
