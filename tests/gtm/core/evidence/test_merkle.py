"""Trees of RFC 6962 against published vectors, and against the definition for every size."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.core.evidence import merkle

# Leaves and roots of the tests of google/certificate-transparency (merkle_tree_test).
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def tree(leaves, size=0, nodes=None):
    """Nodes of a tree that has grown by these leaf hashes."""
    nodes = {} if nodes is None else nodes
    nodes.update({(level, n): h for level, n, h in merkle.grown(size, leaves, lambda *at: nodes[at])})
    return nodes


def hashes(count):
    return [merkle.leaf_hash(bytes([n])) for n in range(count)]


def defined(leaves):
    """The root as RFC 6962 defines it, without any short cut."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + defined(leaves[:split]) + defined(leaves[split:])).digest()


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_that_were_published(size):
    nodes = tree([merkle.leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES[:size]])
    assert merkle.root(size, lambda *at: nodes[at]).hex() == ROOTS[size]


@given(st.integers(1, 70), st.integers(0, 70), st.data())
def test_every_leaf_is_proved_and_no_other_one_and_growth_is_proved(size, more, data):
    leaves = hashes(size + more)
    nodes = tree(leaves[:size])
    tree(leaves[size:], size, nodes)
    node = lambda *at: nodes[at]  # noqa: E731
    old, new = merkle.root(size, node), merkle.root(size + more, node)
    assert (old, new) == (defined(leaves[:size]), defined(leaves))
    number = data.draw(st.integers(0, size + more - 1))
    path = merkle.inclusion(number, size + more, node)
    included = (leaves[number], number, size + more, path, new)
    assert merkle.is_included(*included)
    assert not merkle.is_included(merkle.leaf_hash(b"another"), *included[1:])
    assert not merkle.is_included(*included[:3], [*path, new], new)
    assert not path or not merkle.is_included(*included[:3], path[:-1], new)
    assert not merkle.is_included(leaves[number], size + more, size + more, path, new)
    proof = merkle.consistency(size, size + more, node)
    assert merkle.is_consistent(size, size + more, old, new, proof)
    assert not merkle.is_consistent(size, size + more, merkle.leaf_hash(b"another"), new, proof)
    assert not merkle.is_consistent(size, size + more, old, merkle.leaf_hash(b"another"), proof)
    assert not merkle.is_consistent(size, size + more, old, new, [*proof, new])
    assert not proof or not merkle.is_consistent(size, size + more, old, new, proof[:-1])


def test_what_is_not_in_a_tree_is_refused():
    node = tree(hashes(3)).__getitem__
    for ask in (lambda: merkle.inclusion(3, 3, node), lambda: merkle.consistency(4, 3, node)):
        with pytest.raises(ValueError, match="a tree of 3 leaves"):
            ask()
    assert merkle.is_consistent(0, 3, b"", b"any", [])
    assert not merkle.is_consistent(3, 2, b"", b"any", [b"x"])


@pytest.mark.parametrize("size", range(1, 34))
def test_every_leaf_of_every_small_tree_and_every_growth_of_it_is_proved(size):
    nodes = tree(hashes(size))
    node = lambda *at: nodes[at]  # noqa: E731
    root = merkle.root(size, node)
    for number in range(size):
        path = merkle.inclusion(number, size, node)
        assert merkle.is_included(hashes(size)[number], number, size, path, root) is True
    for old in range(size + 1):
        proof = merkle.consistency(old, size, node)
        assert merkle.is_consistent(old, size, merkle.root(old, node), root, proof) is True
    assert merkle.consistency(0, size, node) == []


LEAF, OTHER = merkle.leaf_hash(b"leaf"), merkle.leaf_hash(b"other")


def test_a_path_that_is_too_long_or_too_short_proves_nothing_whatever_it_leads_to():
    for number in (-1, 2):
        assert merkle.is_included(LEAF, number, 2, [OTHER], merkle.node_hash(LEAF, OTHER)) is False
    assert merkle.is_included(LEAF, 0, 2, [OTHER], merkle.node_hash(LEAF, OTHER)) is True
    assert merkle.is_included(LEAF, 0, 2, [], LEAF) is False
    for led_to in (merkle.node_hash(OTHER, LEAF), merkle.node_hash(LEAF, OTHER)):
        assert merkle.is_included(LEAF, 0, 1, [OTHER], led_to) is False
    assert merkle.is_included(LEAF, 0, 2, [OTHER], LEAF) is False


def test_a_proof_of_growth_that_is_too_long_or_too_short_proves_nothing_whatever_it_leads_to():
    grown = merkle.node_hash(LEAF, OTHER)
    assert merkle.is_consistent(1, 2, LEAF, grown, [OTHER]) is True
    longer = merkle.node_hash(OTHER, grown), merkle.node_hash(grown, OTHER)
    for new_root in longer:
        for old_root in (LEAF, merkle.node_hash(OTHER, LEAF)):
            assert merkle.is_consistent(1, 2, old_root, new_root, [OTHER, OTHER]) is False
    assert merkle.is_consistent(1, 2, LEAF, LEAF, []) is False
    assert merkle.is_consistent(2, 4, LEAF, LEAF, []) is False
    assert merkle.is_consistent(3, 4, LEAF, LEAF, [LEAF]) is False
    assert merkle.is_consistent(3, 4, LEAF, LEAF, []) is False
    assert merkle.is_consistent(-1, 4, LEAF, LEAF, [LEAF]) is False
    assert merkle.is_consistent(-1, -1, LEAF, LEAF, []) is False
    assert merkle.is_consistent(3, 2, LEAF, LEAF, [LEAF]) is False
    assert merkle.is_consistent(0, 4, LEAF, LEAF, [LEAF]) is False
    assert merkle.is_consistent(4, 4, LEAF, LEAF, [LEAF]) is False
    with pytest.raises(ValueError, match="has not grown from one of -1"):
        merkle.consistency(-1, 3, lambda *at: LEAF)
