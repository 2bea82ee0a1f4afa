"""One way to write a value down, so that one digest stands for one value (RFC 8785, SHA-256)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import rfc8785

EXACT = 2**53
"""Integers below it are exact in every JSON reader."""
UNSHARED_NUMBER = re.compile(r"\d[.eE]|\d{16}|NaN|Infinity")
"""A number, outside strings, that two encoders may spell differently: a fraction, a power, a long integer."""
UNSHARED_CHARACTER = re.compile("[\ud800-\udfff\U00010000-\U0010ffff]")
"""A character that UTF-16 writes as a pair, or half of one."""
_shortest = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))
ATOMS = frozenset({type(None), bool, int, float, str})


def plain(value: Any) -> Any:
    """The JSON form of a value: decimals and times become strings, tuples lists, keys text.

    Times are RFC 3339 in UTC. Raises TypeError for anything without an agreed form.
    """
    kind = type(value)
    if kind in ATOMS:  # nearly everything is of these kinds, and they are asked for often
        return value
    if kind is dict:
        return {key if type(key) is str else str(key): plain(item) for key, item in value.items()}
    if kind is list:
        return [plain(item) for item in value]
    if isinstance(value, bool | int | float | str) and not isinstance(value, Enum):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    raise TypeError(f"{type(value).__name__} has no canonical form")


def rfc3339(instant: datetime) -> str:
    """UTC with microseconds and a Z, always 27 characters, so that text order is time order."""
    if instant.tzinfo is None:
        raise ValueError("a naive time has no canonical form")
    utc = instant.astimezone(tz=UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond:06d}Z"


def dumps(value: Any) -> bytes:
    """RFC 8785 bytes of a value. Integers beyond 2**53 are refused by the standard."""
    told = plain(value)
    text = _shortest.encode(told)
    # The encoder of the standard library is ten times as fast. It differs from RFC 8785 in how it spells
    # numbers that are not short integers, and in the order of keys with characters beyond the first plane.
    unshared = not text.isascii() and UNSHARED_CHARACTER.search(text)
    if unshared or UNSHARED_NUMBER.search(_outside_strings(text)):
        return rfc8785.dumps(told)
    return text.encode()


def _outside_strings(text: str) -> str:
    """JSON without its strings: what lies between quotes goes, once no quote stands within a string."""
    if "\\" in text:
        text = text.replace("\\\\", "").replace('\\"', "")  # a backslash itself first, then a quote
    return "".join(text.split('"')[::2])


def digest(value: Any) -> str:
    """SHA-256 of the RFC 8785 form, in hexadecimal."""
    return hashlib.sha256(dumps(value)).hexdigest()


def document(value: Any) -> bytes:
    """The bytes of a document for people and machines: sorted keys, indented, UTF-8, newline at the end.

    Of equal numbers one spelling is written, as in RFC 8785: 5, never 5.0.
    """
    text = json.dumps(_spelled(plain(value)), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def _spelled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _spelled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_spelled(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < EXACT else value
