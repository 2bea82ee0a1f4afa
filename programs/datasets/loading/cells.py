"""Cells of a table that people open in a spreadsheet."""

from __future__ import annotations

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def inert(value: str) -> str:
    """A cell that no spreadsheet takes for a formula; numbers stay numbers (OWASP, CSV injection)."""
    if not value.startswith(FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
