"""Attributes read from a JSON field by one reader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

from django.db import models

T = TypeVar("T")


class ReadBy(Generic[T]):
    """What ``reader`` makes of the JSON field ``field``: read once, and again when it has changed.

    The JSON is replaced, never edited in place: an edit would not be seen here.
    """

    def __init__(self, field: str, reader: Callable[[Any], T]):
        self.field, self.reader = field, reader

    def __set_name__(self, owner: type, name: str) -> None:
        self.slot = f"_{name}_read"

    @overload
    def __get__(self, instance: None, owner: type) -> ReadBy[T]: ...
    @overload
    def __get__(self, instance: models.Model, owner: type) -> T: ...
    def __get__(self, instance: models.Model | None, owner: type) -> Any:
        if instance is None:
            return self
        stored, read = getattr(instance, self.field), instance.__dict__.get(self.slot)
        if read is None or (read[0] is not stored and read[0] != stored):
            read = instance.__dict__[self.slot] = (stored, self.reader(stored))
        return read[1]
