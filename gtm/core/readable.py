"""Stored values in words: no page shows JSON."""

from __future__ import annotations

from typing import Any


def readable(value: Any) -> str:
    """A value as a person reads it; what is nested, one within the other in brackets."""
    if value is None or value == "" or value == [] or value == {}:
        return "–"
    if isinstance(value, dict):
        return "; ".join(f"{str(key).replace('_', ' ')}: {_nested(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_nested, value))
    return "yes" if value is True else "no" if value is False else str(value)


def _nested(value: Any) -> str:
    return f"({readable(value)})" if isinstance(value, dict | list | tuple) and value else readable(value)
