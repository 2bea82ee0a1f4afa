"""Outputs as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gtm.core import canonical

FORMATS = ("csv", "xlsx", "json", "svg", "md")


@dataclass(frozen=True, slots=True)
class Rendered:
    content: bytes
    media_type: str


def formats_of(payload: Mapping[str, Any]) -> tuple[str, ...]:
    return ("json",)


def render(payload: Mapping[str, Any], fmt: str) -> Rendered:
    return Rendered(canonical.document(payload), "application/json")
