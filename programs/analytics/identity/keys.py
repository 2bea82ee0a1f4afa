"""Exact keys, plain or keyed-hashed, so that two partners match without sharing addresses."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

import numpy as np

from programs.analytics.attribution.paths import Ints
from programs.analytics.identity.normalise import normalise_email

MINIMUM_KEY_BYTES = 32


def hashed_email(email: str, key: bytes) -> str:
    """HMAC-SHA256 (RFC 2104, FIPS 198-1) of the normalised address, in hex; "" for no address.

    Both partners agree on ``key`` for one campaign and exchange hashes only. A plain hash would be
    undone by trying known addresses; whoever holds the key still can, so it is thrown away after the
    match. Raises ValueError for keys under 32 bytes.
    """
    if len(key) < MINIMUM_KEY_BYTES:
        raise ValueError(f"the key needs at least {MINIMUM_KEY_BYTES} bytes")
    normalised = normalise_email(email)
    return hmac.digest(key, normalised.encode(), "sha256").hex() if normalised else ""


def exact_pairs(left: Sequence[str], right: Sequence[str]) -> Ints:
    """All (left, right) index pairs with the same key, shape (M, 2), sorted; "" never matches."""
    return pairs_by_code(*encode_keys(left, right))


def encode_keys(left: Sequence[str], right: Sequence[str]) -> tuple[Ints, Ints]:
    """Integer code of each key on both sides; -1 for ""."""
    both = np.array([*left, *right], dtype=object)
    values, codes = np.unique(both, return_inverse=True) if len(both) else (both, np.empty(0, dtype=np.int64))
    codes = np.where(both == "", -1, codes).astype(np.int64) if len(values) else codes
    return codes[: len(left)], codes[len(left) :]


def pairs_by_code(left: Ints, right: Ints) -> Ints:
    """All index pairs with equal codes of at least 0, shape (M, 2), sorted."""
    order = np.argsort(right, kind="stable")
    rows = np.flatnonzero(left >= 0)
    first = np.searchsorted(right[order], left[rows], "left")
    count = np.searchsorted(right[order], left[rows], "right") - first
    begin = np.cumsum(count) - count
    within = np.arange(count.sum()) - np.repeat(begin, count)
    return np.column_stack([np.repeat(rows, count), order[np.repeat(first, count) + within]])
