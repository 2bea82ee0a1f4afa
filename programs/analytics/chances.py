"""Chances in words."""

from __future__ import annotations


def chance_in_words(chance: float, digits: int = 0) -> str:
    """A share of the draws in percent. What rounds to 0 or to 100 is below or above the last digit instead:
    that no draw did something does not make it impossible."""
    smallest = 10.0**-digits
    shown = round(100 * chance, digits)
    if shown <= 0:
        return f"below {smallest:.{digits}f} %"
    if shown >= 100:
        return f"above {100 - smallest:.{digits}f} %"
    return f"{shown:.{digits}f} %"
