"""Parts add up to the whole, to the cent."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.personas import split_exactly, to_coins


@given(
    st.integers(-(10**9), 10**9),
    st.lists(st.floats(0, 1e6, allow_nan=False, allow_subnormal=False), min_size=1, max_size=12),
)
def test_parts_add_up_and_lie_within_a_cent_of_their_share(cents, weights):
    whole = Decimal(cents) / 100
    parts = split_exactly(whole, weights)
    assert sum(parts) == whole
    total = sum(weights)
    shares = [w / total for w in weights] if total > 0 else [1 / len(weights)] * len(weights)
    assert all(abs(float(p) - s * float(whole)) <= 0.011 for p, s in zip(parts, shares, strict=True))


def test_what_rounding_leaves_goes_to_the_largest_remainder():
    assert split_exactly(Decimal("1.00"), [1, 1, 1]) == [Decimal("0.34"), Decimal("0.33"), Decimal("0.33")]
    assert split_exactly(Decimal("-0.05"), [0.0, 3.0, 1.0]) == [
        Decimal(0),
        Decimal("-0.04"),
        Decimal("-0.01"),
    ]
    assert to_coins(1234.565) == Decimal("1234.56")


@pytest.mark.parametrize(
    ("digits", "whole", "parts"),
    [(0, "100", ["34", "33", "33"]), (3, "0.100", ["0.034", "0.033", "0.033"])],
)
def test_parts_are_whole_yen_and_whole_fils(digits, whole, parts):
    found = split_exactly(to_coins(float(whole), digits), [1, 1, 1], digits)
    assert found == [Decimal(part) for part in parts]
