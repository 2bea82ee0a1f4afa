import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.identity import (
    exact_pairs,
    hashed_email,
    normalise_address,
    normalise_company,
    normalise_email,
    normalise_person,
    normalise_phone,
)

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("First.Last+x@Gmail.com", "firstlast@gmail.com"),
        (" a.b@googlemail.com ", "ab@gmail.com"),
        ("A.B+tag@Example.org", "a.b@example.org"),
        ("nobody", ""),
        ("@example.org", ""),
        ("a b@example.org", ""),
        ("a@b@example.org", ""),
    ],
)
def test_email_is_normalised(raw, expected):
    assert normalise_email(raw) == expected


@pytest.mark.parametrize(
    ("raw", "country", "expected"),
    [
        ("310/246-1501", "1", "+13102461501"),
        ("1-310-246-1501", "1", "+13102461501"),
        ("+49 30 123456", "1", "+4930123456"),
        ("0049 30 123456", "1", "+4930123456"),
        ("030 1234567", "49", "+49301234567"),
        ("12", "1", ""),
        ("", "1", ""),
    ],
)
def test_phone_is_normalised(raw, country, expected):
    assert normalise_phone(raw, country) == expected


def test_names_and_addresses_are_normalised():
    assert normalise_person("O’Brien, Zoë") == "zoe obrien"
    assert normalise_company("Müller & Söhne GmbH") == "muller and sohne"
    assert normalise_company("Ltd.") == "ltd"
    assert normalise_address("435 S. La Cienega Boulevard") == "435 s la cienega blvd"


def test_hash_is_hmac_sha256_of_the_normalised_address():
    expected = hmac.new(KEY, b"firstlast@gmail.com", hashlib.sha256).hexdigest()
    assert hashed_email("First.Last+x@Gmail.com", KEY) == expected
    assert hashed_email("First.Last+x@Gmail.com", b"j" * 32) != expected
    assert hashed_email("nobody", KEY) == ""


def test_short_key_is_refused():
    with pytest.raises(ValueError, match="32 bytes"):
        hashed_email("a@b.org", b"short")


@given(st.lists(st.sampled_from(["", "x", "y", "z"])), st.lists(st.sampled_from(["", "x", "y", "w"])))
def test_exact_pairs_are_all_equal_non_empty_keys(left, right):
    expected = [[i, j] for i, a in enumerate(left) for j, b in enumerate(right) if a == b != ""]
    assert exact_pairs(left, right).tolist() == expected
