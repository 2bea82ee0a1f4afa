"""One way to write a value down: RFC 8785, and what has no form is refused."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from uuid import UUID

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from gtm.core import canonical

TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
ATOM = st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | TEXT
ATOM |= st.floats(allow_nan=False, allow_infinity=False)
VALUE = st.recursive(ATOM, lambda of: st.lists(of, max_size=4) | st.dictionaries(TEXT, of, max_size=4))


class Colour(Enum):
    RED = "red"


class Rank(IntEnum):
    FIRST = 1


@dataclass
class Point:
    x: Decimal
    y: tuple[int, ...]


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        ("a", "a"),
        (Colour.RED, "red"),
        (Rank.FIRST, 1),
        (Decimal("1E+2"), "100"),
        (Decimal("0.10"), "0.10"),
        (date(2026, 3, 2), "2026-03-02"),
        (datetime(2026, 3, 2, 10, 0, 0, 7, UTC), "2026-03-02T10:00:00.000007Z"),
        (datetime(2026, 3, 2, 10, tzinfo=timezone(timedelta(hours=2))), "2026-03-02T08:00:00.000000Z"),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (Point(Decimal(1), (2, 3)), {"x": "1", "y": [2, 3]}),
        ({1: {"b", "a"}}, {"1": ["a", "b"]}),
        (frozenset({2, 1}), [1, 2]),
    ],
)
def test_every_value_has_one_form(value, form):
    found = canonical.plain(value)
    assert (found, type(found)) == (form, type(form))


@pytest.mark.parametrize("value", [b"bytes", object(), Point])
def test_what_has_no_form_is_refused(value):
    with pytest.raises(TypeError, match="has no canonical form"):
        canonical.plain(value)


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="naive"):
        canonical.plain(datetime(2026, 3, 2))  # noqa: DTZ001 - that is the point


def test_keys_are_sorted_and_nothing_is_added():
    assert canonical.dumps({"b": 1, "a": [1.0, "é"]}) == '{"a":[1,"é"],"b":1}'.encode()


def test_a_digest_is_sha_256_of_the_form():
    assert canonical.digest({"a": Decimal("1.0")}) == hashlib.sha256(b'{"a":"1.0"}').hexdigest()


def test_the_order_of_keys_changes_no_digest():
    assert canonical.digest({"a": 1, "b": 2}) == canonical.digest({"b": 2, "a": 1})


def test_a_document_is_for_people_too():
    assert canonical.document({"b": "é", "a": 1}) == '{\n  "a": 1,\n  "b": "é"\n}\n'.encode()


def test_a_document_has_no_infinity():
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical.document({"a": float("inf")})


def test_a_document_spells_whole_numbers_one_way_as_far_as_every_reader_is_exact():
    numbers = [5.0, 0.5, {"x": -(2.0**53 - 1)}, 2.0**53]
    spelled = b'[\n  5,\n  0.5,\n  {\n    "x": -9007199254740991\n  },\n  9007199254740992.0\n]\n'
    assert canonical.document(numbers) == spelled


@given(value=VALUE)
@example(value={"\uffff": 1, "\U00010000": 2})
@example(value={'say "1.5"': "\\", "1.5": '\\"1e5'})
@example(value=[1e21, 1e-7, 5.0, -0.0, 2**53 - 1, "\x7f\x1f\u2028"])
def test_the_quick_way_writes_what_the_standard_says(value):
    assert canonical.dumps(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("value", [2**53, -(2**53), [float("nan")], {"a": float("inf")}, "\ud800"])
def test_what_the_standard_cannot_write_is_refused(value):
    with pytest.raises((rfc8785.CanonicalizationError, UnicodeEncodeError)):
        canonical.dumps(value)
