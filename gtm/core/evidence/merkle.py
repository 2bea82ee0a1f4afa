"""Merkle trees as in RFC 6962 (2.1): roots, inclusion and consistency, over a list that only grows.

The hashes of complete subtrees never change; ``Node`` looks one up, by its level and its number there. So a
root or a proof of a million leaves reads about twenty of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

Node = Callable[[int, int], bytes]


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def grown(size: int, leaves: Iterable[bytes], node: Node) -> Iterator[tuple[int, int, bytes]]:
    """Level, number and hash of every complete subtree that these leaf hashes add to a tree of ``size``."""
    new: dict[tuple[int, int], bytes] = {}
    for number, hashed in enumerate(leaves, start=size):
        level, here = 0, hashed
        new[level, number] = here
        yield level, number, here
        while number % 2:
            left = new.get((level, number - 1)) or node(level, number - 1)
            level, number, here = level + 1, number // 2, node_hash(left, here)
            new[level, number] = here
            yield level, number, here


def root(size: int, node: Node) -> bytes:
    """The hash of a tree; of an empty one that of nothing."""
    return _over(0, size, node) if size else hashlib.sha256().digest()


def inclusion(number: int, size: int, node: Node) -> list[bytes]:
    """The audit path of a leaf (RFC 6962, 2.1.1). Raises ValueError where there is no such leaf."""
    if not 0 <= number < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {number}")
    return _path(number, 0, size, node)


def consistency(old: int, new: int, node: Node) -> list[bytes]:
    """Why a tree of ``new`` leaves begins with the one of ``old`` leaves (RFC 6962, 2.1.2)."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves has not grown from one of {old}")
    return _subproof(old, 0, new, True, node) if 0 < old < new else []


def _over(low: int, high: int, node: Node) -> bytes:
    count = high - low
    if count & (count - 1) == 0:  # then ``low`` is a multiple of it: trees are split at powers of two
        level = count.bit_length() - 1
        return node(level, low >> level)
    middle = low + _split(count)
    return node_hash(_over(low, middle, node), _over(middle, high, node))


def _split(count: int) -> int:
    """The largest power of two below ``count``."""
    return 1 << (count - 1).bit_length() - 1


def _path(number: int, low: int, high: int, node: Node) -> list[bytes]:
    if high - low == 1:
        return []
    middle = low + _split(high - low)
    if number < middle:
        return [*_path(number, low, middle, node), _over(middle, high, node)]
    return [*_path(number, middle, high, node), _over(low, middle, node)]


def _subproof(old: int, low: int, high: int, is_whole: bool, node: Node) -> list[bytes]:
    if old == high - low:
        return [] if is_whole else [_over(low, high, node)]
    split = _split(high - low)
    middle = low + split
    if old <= split:
        return [*_subproof(old, low, middle, is_whole, node), _over(middle, high, node)]
    return [*_subproof(old - split, middle, high, False, node), _over(low, middle, node)]


def is_included(hashed: bytes, number: int, size: int, path: Sequence[bytes], expected: bytes) -> bool:
    """Whether the path leads from the leaf to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= number < size:
        return False
    here, first, last = hashed, number, size - 1
    for other in path:
        if last == 0:
            return False
        if first % 2 or first == last:
            here = node_hash(other, here)
            while first % 2 == 0:  # not 0: there the tree would end
                first, last = first >> 1, last >> 1
        else:
            here = node_hash(here, other)
        first, last = first >> 1, last >> 1
    return last == 0 and here == expected


def is_consistent(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the larger tree begins with the smaller one (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0 or not proof:
        return old == 0 and not proof
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    first, last = old - 1, new - 1
    while first % 2:
        first, last = first >> 1, last >> 1
    one = other = path[0]
    for hashed in path[1:]:
        if last == 0:
            return False
        if first % 2 or first == last:
            one, other = node_hash(hashed, one), node_hash(hashed, other)
            while first % 2 == 0:  # not 0: there the tree would end
                first, last = first >> 1, last >> 1
        else:
            other = node_hash(other, hashed)
        first, last = first >> 1, last >> 1
    return last == 0 and one == old_root and other == new_root
