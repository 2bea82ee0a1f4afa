"""How a row of the change log tells the value of a field, and whether a stored value still is the one told.

A short value is told as it is, a long one by the SHA-256 of its RFC 8785 form, so that rows stay small.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import rfc8785
from django.db import models
from django.db.models.fields.files import FieldFile

from gtm.core import canonical
from gtm.core.money import as_kept
from gtm.core.money_field import MoneyField

LONGEST = 120  # characters of a value that is told as it is
DIGEST = "sha256:"
FROM, TO = "from", "to"

Told = dict[str, dict[str, Any]]
"""Column → {"from": …, "to": …}; what a creation tells has no "from"."""


def field_of(obj: models.Model, name: str) -> models.Field[Any, Any]:
    """The field of a column, by its name or that of the column."""
    field = obj._meta.get_field(name)
    if not isinstance(field, models.Field):
        raise TypeError(f"{name} is not a column of {obj._meta.label_lower}")
    return field


def value_of(field: models.Field[Any, Any], value: Any) -> Any:
    """``value`` as the log tells it, in the form in which the database gives it back."""
    plain = canonical.plain(_as_read(field, value))
    if isinstance(plain, int) and abs(plain) >= canonical.EXACT:
        return str(plain)
    if plain is None or isinstance(plain, bool | int) or isinstance(plain, str) and is_short(plain):
        return plain
    raw = _canonical(plain)
    is_long = isinstance(plain, str) or len(raw) > LONGEST
    return DIGEST + hashlib.sha256(raw).hexdigest() if is_long else plain


def is_short(text: str) -> bool:
    """Whether a text is told as it is: one that looks like a digest would later stand for another text."""
    return len(text) <= LONGEST and not text.startswith(DIGEST)


def digest_of(value: Any) -> str | None:
    """A value of which the log tells the digest alone, however short."""
    if value is None:
        return None
    return DIGEST + hashlib.sha256(_canonical(canonical.plain(value))).hexdigest()


def field_value(obj: models.Model, column: str, kept: Mapping[str, Any] | None = None) -> Any:
    """How the log tells a column of ``obj``.

    ``kept``: values written with it; among them may be the digest that the object keeps of this one, so
    that long content is not hashed twice.
    """
    digested: Mapping[str, str] = getattr(obj, "digested_fields", {})
    value = getattr(obj, column)
    if column not in digested:
        return value_of(field_of(obj, column), value)
    known = (kept or {}).get(digested[column])
    return DIGEST + known if known and value is not None else digest_of(value)


def at_creation(obj: models.Model, columns: Iterable[str]) -> Told:
    """What a new object holds; columns that hold nothing are left out."""
    columns = list(columns)
    kept = {name: getattr(obj, name) for name in getattr(obj, "digested_fields", {}).values() if name}
    return {name: {TO: field_value(obj, name, kept)} for name in columns if getattr(obj, name)}


def is_still(obj: models.Model, column: str, told: Any) -> bool:
    """Whether the column holds what the log told last."""
    field = field_of(obj, column)
    now = field_value(obj, column)
    if isinstance(told, str) and told.startswith(DIGEST):
        value = getattr(obj, column)
        return told in (now, value, digest_of(_as_read(field, value)))
    return bool(now == value_of(field, told) or _canonical(now) == _canonical(canonical.plain(told)))


def is_empty(obj: models.Model, column: str) -> bool:
    """Whether a column that its creation did not tell holds nothing, or what a later column began with."""
    value = getattr(obj, column)
    return not value or value == field_of(obj, column).get_default()


def _as_read(field: models.Field[Any, Any], value: Any) -> Any:
    """A value as the database gives it back: 100 as 100.00 where the column has two decimal places."""
    if isinstance(value, FieldFile):
        return value.name
    if value is None or isinstance(field, models.JSONField):
        return value
    if isinstance(field, models.ForeignKey):
        return field.target_field.to_python(value)
    read = field.to_python(value)
    if isinstance(field, MoneyField) and isinstance(read, Decimal):
        return as_kept(read)
    if isinstance(field, models.DecimalField) and isinstance(read, Decimal):
        return read.quantize(Decimal(1).scaleb(-field.decimal_places))
    return read


def _canonical(plain: Any) -> bytes:
    try:
        return rfc8785.dumps(plain)
    except rfc8785.CanonicalizationError:  # an integer beyond 2**53, which RFC 8785 does not write
        return json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
