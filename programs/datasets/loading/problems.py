"""Why a load was refused: every problem at once, each saying where, what, and what would be right."""

from __future__ import annotations

from collections.abc import Iterable

from rapidfuzz import fuzz, process, utils

from gtm.core.errors import InvalidInput, Problem

__all__ = ["DatasetProblems", "Problem", "nearest"]


class DatasetProblems(InvalidInput):
    """Nothing could be stored, and nothing was. ``problems`` lists all the reasons.

    A problem's ``field`` is the file, or file and column (``orders.csv: amount``).
    """

    code = "dataset_problems"
    title = "The data was not loaded"

    def __init__(self, problems: Iterable[Problem], *, hint: str = ""):
        found = tuple(problems)
        count = "one problem" if len(found) == 1 else f"{len(found)} problems"
        super().__init__(f"Nothing was loaded: {count}.", hint=hint, problems=found)

    def __str__(self) -> str:
        return "\n".join(self.lines())


def nearest(word: str, words: Iterable[str]) -> str:
    """The most similar of ``words``, or "" when none is near enough to be meant."""
    match = process.extractOne(
        word, list(words), scorer=fuzz.WRatio, processor=utils.default_process, score_cutoff=60
    )
    return match[0] if match else ""
