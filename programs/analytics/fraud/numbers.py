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

    Each value is spread over 64 bits and carries its row in the low ones: a sort of numbers, many times
    faster than one of their places, lines up the rows. Of n different values about n³/2⁶⁴ pairs meet in the
    upper bits; they are told apart after.
    """
    bits = np.uint64(len(values).bit_length())
    ordered = values.astype(np.uint64)
    ordered *= SPREAD
    ordered >>= bits
    ordered <<= bits
    ordered |= np.arange(len(values), dtype=np.uint64)
    ordered.sort()
    rows = (ordered & ((np.uint64(1) << bits) - np.uint64(1))).view(np.intp)
    ordered >>= bits
    changes = ordered[1:] != ordered[:-1]
    number = np.zeros(len(values), dtype=np.intp)
    number[rows[1:]] = np.cumsum(changes)
    lined = values[rows]
    met = number[rows[1:][(lined[1:] != lined[:-1]) & ~changes]]
    if len(met):
        apart = np.isin(number, met)
        number[apart] = number.max() + 1 + np.unique(values[apart], return_inverse=True)[1]
    return number


def repeated(keys: Keys) -> Rows:
    """Rows whose key (a hash, 0 for none) other rows carry too, and a few more."""
    ordered = np.sort(keys)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    return np.flatnonzero((keys != 0) & may_be_in(keys, twice))


def carrying(keys: Keys, some: Keys) -> Rows:
    """Rows whose key (a hash) is one of ``some``."""
    rows = np.flatnonzero(may_be_in(keys, some))
    return rows[np.isin(keys[rows], some)]


def may_be_in(keys: Keys, some: Keys) -> Flags:
    """Which keys may be among ``some``, told by their upper bits: sharp where these are few."""
    seen = np.zeros(1 << 22, dtype=bool)
    seen[some >> np.uint64(42)] = True
    found: Flags = seen[keys >> np.uint64(42)]
    return found


def count_of(groups: Rows) -> Rows:
    """For each row how many rows are in its group."""
    return np.bincount(groups)[groups]


def count_by(groups: Rows, rows: Flags) -> Rows:
    """For each row how many of ``rows`` are in its group."""
    return np.bincount(groups[rows], minlength=int(groups.max(initial=-1)) + 1)[groups]


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
