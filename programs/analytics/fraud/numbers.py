"""Groups of equal numbers by the million: one sort each, no comparison of text."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.intp]
Keys = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that no two numbers fall together; neighbours land far apart (Knuth, TAOCP 3, 6.4)."""


def numbered(values: npt.NDArray[np.integer]) -> Rows:
    """Equal values get equal numbers, others others, from 0 on; few numbers stay unused.

    Each value is spread over 64 bits and carries its row in the low ones: sorting numbers, which is many times
    faster than sorting their places, lines up the rows. Of n different values about n³/2⁶⁴ pairs meet in the
    upper bits; they are told apart after.
    """
    bits = np.uint64(len(values).bit_length())
    places = np.arange(len(values), dtype=np.uint64)
    ordered = np.sort((values.astype(np.uint64) * SPREAD) >> bits << bits | places)
    rows = (ordered & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.intp)
    upper, lined = ordered >> bits, values[rows]
    changes = upper[1:] != upper[:-1]
    number = np.zeros(len(values), dtype=np.intp)
    number[rows[1:]] = np.cumsum(changes)
    met = number[rows[1:][(lined[1:] != lined[:-1]) & ~changes]]
    if len(met):
        apart = np.isin(number, met)
        number[apart] = number.max() + 1 + np.unique(values[apart], return_inverse=True)[1]
    return number


def count_of(groups: Rows) -> Rows:
    """For each row how many rows are in its group."""
    return np.bincount(groups)[groups]


def distinct_pairs(left: Rows, right: Rows) -> tuple[Rows, Rows]:
    """Every pair of numbers (from 0) once, in order."""
    base = int(right.max(initial=0)) + 1
    # A pair as one number: sorting rows of two columns takes ten times as long.
    pairs = np.sort(left * base + right)
    return np.divmod(pairs[np.diff(pairs, prepend=-1) != 0], base)


def distinct_by(groups: Rows, values: Rows, size: int) -> Rows:
    """How many different values (numbers from 0) each of ``size`` groups has."""
    return np.bincount(distinct_pairs(groups, values)[0], minlength=size)


def is_mixed(groups: Rows, values: npt.NDArray[np.integer]) -> Flags:
    """Rows whose group holds more than one value."""
    some = np.zeros(int(groups.max(initial=-1)) + 1, dtype=values.dtype)
    some[groups] = values
    mixed = np.zeros(len(some), dtype=bool)
    mixed[groups[values != some[groups]]] = True
    return mixed[groups]
