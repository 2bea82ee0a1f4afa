"""Candidate pairs by blocking, and how well the fields of a pair agree, in levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler
from rapidfuzz.fuzz import token_sort_ratio

from programs.analytics.attribution.paths import Floats, Ints
from programs.analytics.identity.fellegi_sunter import MISSING
from programs.analytics.identity.keys import encode_keys, pairs_by_code

Columns = Mapping[str, Sequence[str]]
"""Normalised records by column; "" is a missing value; all columns equally long."""


@dataclass(frozen=True)
class Field:
    """A column to compare and how.

    ``kind`` "name" (Jaro–Winkler similarity, for short words), "words" (token order ignored, for
    titles and addresses), "code" (one typing error tolerated, for numbers and dates) or "exact".
    Levels run from 0 (disagree) to the highest (equal).
    """

    column: str
    kind: str = "name"

    def __post_init__(self) -> None:
        if self.kind not in _THRESHOLDS:
            raise ValueError(f"no comparison of kind {self.kind!r}")

    @property
    def levels(self) -> int:
        """Number of agreement levels, disagreement included."""
        return len(_THRESHOLDS[self.kind]) + 2


_THRESHOLDS: Mapping[str, tuple[float, ...]] = {
    "name": (0.8, 0.92),
    "words": (0.7, 0.88),
    "code": (-1.0,),
    "exact": (),
}
"""Similarity from which each level between disagreement and equality counts; fixed, not tuned on labels."""


@dataclass(frozen=True)
class Candidates:
    """Index pairs (M, 2) that share a blocking key, sorted and distinct.

    ``skipped`` lists (blocking rule, pairs) of keys too common to compare: what blocking left out.
    """

    pairs: Ints
    skipped: tuple[tuple[str, int], ...]


def candidate_pairs(
    left: Columns, right: Columns | None, rules: Sequence[Sequence[str]], *, largest_block: int = 1_000_000
) -> Candidates:
    """Pairs that agree on every column of at least one rule; a missing value agrees with nothing.

    ``right`` None pairs ``left`` with itself, each pair once and no record with itself. A rule's keys
    with more than ``largest_block`` pairs are skipped and reported.
    """
    found = [np.empty((0, 2), dtype=np.int64)]
    skipped = []
    for rule in rules:
        ours = _joined(left, rule)
        left_codes, right_codes = encode_keys(ours, ours if right is None else _joined(right, rule))
        size = max(left_codes.max(initial=-1), right_codes.max(initial=-1)) + 1
        block = np.bincount(left_codes[left_codes >= 0], minlength=size) * np.bincount(
            right_codes[right_codes >= 0], minlength=size
        )
        oversized = np.flatnonzero(block > largest_block)
        if len(oversized):
            skipped.append((" + ".join(rule), int(block[oversized].sum())))
            left_codes = np.where(np.isin(left_codes, oversized), -1, left_codes)
        found.append(pairs_by_code(left_codes, right_codes))
    pairs = np.unique(np.concatenate(found), axis=0)
    return Candidates(pairs[pairs[:, 0] < pairs[:, 1]] if right is None else pairs, tuple(skipped))


def compare(left: Columns, right: Columns, pairs: Ints, fields: Sequence[Field]) -> Ints:
    """Agreement level of each field for each pair, shape (M, F); MISSING where a side is ""."""
    levels = np.empty((len(pairs), len(fields)), dtype=np.int64)
    for position, field in enumerate(fields):
        ours = np.array(left[field.column], dtype=object)[pairs[:, 0]]
        theirs = np.array(right[field.column], dtype=object)[pairs[:, 1]]
        equal = (ours == theirs).astype(bool)
        column = np.where(equal, field.levels - 1, 0)
        unequal = np.flatnonzero(~equal)
        if len(unequal) and _THRESHOLDS[field.kind]:
            similarity = _similarity(field.kind, ours[unequal].tolist(), theirs[unequal].tolist())
            column[unequal] = np.searchsorted(_THRESHOLDS[field.kind], similarity, side="right")
        column[((ours == "") | (theirs == "")).astype(bool)] = MISSING
        levels[:, position] = column
    return levels


def _similarity(kind: str, ours: list[str], theirs: list[str]) -> Floats:
    if kind == "name":
        return np.asarray(process.cpdist(ours, theirs, scorer=JaroWinkler.similarity), dtype=np.float64)
    if kind == "words":
        return np.asarray(process.cpdist(ours, theirs, scorer=token_sort_ratio), dtype=np.float64) / 100
    return -np.asarray(process.cpdist(ours, theirs, scorer=DamerauLevenshtein.distance), dtype=np.float64)


def _joined(columns: Columns, rule: Sequence[str]) -> list[str]:
    # The separator cannot occur in normalised text, so ("a b", "c") and ("a", "b c") differ.
    return [
        "\x1f".join(values) if all(values) else ""
        for values in zip(*(columns[name] for name in rule), strict=True)
    ]
