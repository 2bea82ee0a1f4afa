from collections import Counter, defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.fraud.numbers import (
    SPREAD,
    carrying,
    count_of,
    distinct_by,
    distinct_pairs,
    is_mixed,
    numbered,
    repeated,
)

HASHES = st.lists(st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2, 2**63]), max_size=40)
CODES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=40)


def keys(values):
    return np.array(values, dtype=np.uint64)


def columns(pairs):
    return np.array(pairs, dtype=np.intp).reshape(-1, 2).T


def same(values):
    return [[left == right for right in values] for left in values]


@given(HASHES)
def test_equal_values_and_no_others_get_one_number(values):
    assert same(numbered(keys(values)).tolist()) == same(values)


def test_values_that_meet_in_their_upper_bits_are_told_apart():
    back = pow(int(SPREAD), -1, 2**64)
    meeting = [(7 * 2**40 + low) * back % 2**64 for low in (0, 1, 0, 2, 1)]
    assert same(numbered(keys([*meeting, 5, 5])).tolist()) == same([0, 1, 0, 2, 1, 9, 9])


@given(HASHES)
def test_no_repeated_key_is_missed_and_none_is_no_key(values):
    often = {row for row, value in enumerate(values) if values.count(value) > 1 and value}
    found = repeated(keys(values)).tolist()
    assert often <= set(found)
    assert all(values[row] for row in found)


@given(HASHES, HASHES)
def test_rows_that_carry_some_keys(values, some):
    expected = [row for row, value in enumerate(values) if value in some]
    assert carrying(keys(values), keys(some)).tolist() == expected


@given(CODES)
def test_groups_are_counted_and_told_mixed(pairs):
    groups, values = columns(pairs)
    inside = defaultdict(set)
    for group, value in pairs:
        inside[group].add(value)
    assert distinct_by(groups, values, 6).tolist() == [len(inside[group]) for group in range(6)]
    assert is_mixed(groups, values).tolist() == [len(inside[group]) > 1 for group, _ in pairs]
    assert count_of(groups).tolist() == [Counter(groups.tolist())[group] for group, _ in pairs]
    assert list(zip(*(side.tolist() for side in distinct_pairs(groups, values)), strict=True)) == sorted(
        set(pairs)
    )
