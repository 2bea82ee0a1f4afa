"""The columns and options of a load, put together from its profile and from what was said with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoadTerms:
    """``mapping`` and ``options`` hold both; ``said`` names the options that were said with the load.

    ``profile`` is "" where none was named; ``origin``: "profile" of the program or shipped "preset";
    ``version`` is that of a program's own.
    """

    mapping: Mapping[str, str]
    options: Mapping[str, str]
    said: frozenset[str] = frozenset()
    profile: str = ""
    origin: str = ""
    version: int = 0
