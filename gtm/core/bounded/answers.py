"""What comes back from a process that read a hostile file: data of our own classes, never a call.

Pickle carries our dataclasses as they are. It also carries orders to call any function, and what comes back
may have been written by the file. So only classes that hold data are found by name.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import is_dataclass
from enum import Enum
from pkgutil import resolve_name
from typing import Any
from zoneinfo import ZoneInfo

from gtm.core.errors import GtmError, remade

OURS = ("gtm.", "programs.", "plans.")
PLAIN = frozenset({
    "builtins.set", "builtins.frozenset", "builtins.complex", "builtins.bytearray",
    "collections.OrderedDict", "collections.Counter",
    "datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta", "datetime.timezone",
    "decimal.Decimal", "pathlib.PosixPath", "pathlib.PurePosixPath",
    "zoneinfo.ZoneInfo",
})  # fmt: skip
REMADE = f"{remade.__module__}.{remade.__name__}"


def _zone(key: str, _: bool) -> ZoneInfo:
    return ZoneInfo(key)


def _member(kind: Any, name: str) -> Any:
    """How pickle names a member of an Enum or a time zone, and nothing else that getattr can do."""
    if kind is ZoneInfo and name == "_unpickle":
        return _zone
    if not (isinstance(kind, type) and issubclass(kind, Enum)):
        raise NotData(f"{name} is no data")
    return kind[name]


class NotData(pickle.UnpicklingError):
    """An answer names something that is no data of ours."""


class _Answers(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if full == "builtins.getattr":
            return _member
        if full in PLAIN or full == REMADE:
            return resolve_name(f"{module}:{name}")
        if module.startswith(OURS):
            found = resolve_name(f"{module}:{name}")
            if isinstance(found, type) and (is_dataclass(found) or issubclass(found, (Enum, GtmError))):
                return found
        raise NotData(f"{full} is no data")


def read_answer(told: bytes) -> tuple[str, Any]:
    """(outcome, value): found, refused, memory or defect."""
    outcome, value = _Answers(io.BytesIO(told)).load()
    return str(outcome), value
