"""Cells of a table that people open in a spreadsheet."""

from __future__ import annotations

import re

FORMULA = ("=", "+", "-", "@", "\t", "\r")
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 cannot hold, and so neither a workbook nor a drawing."""


def inert(value: str) -> str:
    """A cell that no spreadsheet takes for a formula; numbers stay numbers (OWASP, CSV injection)."""
    if not value.startswith(FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def writable(text: str) -> str:
    """The text with a visible mark (U+FFFD) in place of each character that no XML file can hold."""
    return UNSEEN.sub("\ufffd", text)
