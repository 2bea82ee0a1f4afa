"""Chances in words."""

from __future__ import annotations

from gtm.core.percents import percent_text


def chance_in_words(chance: float, digits: int = 0) -> str:
    """A share of the draws in percent. What rounds to 0 or to 100 is below or above the last digit instead:
    that no draw did something does not make it impossible."""
    smallest = 10.0 ** -(digits + 2)
    never, always, shown = (percent_text(share, digits) for share in (0, 1, chance))
    if shown == never:
        return f"below {percent_text(smallest, digits)}"
    if shown == always:
        return f"above {percent_text(1 - smallest, digits)}"
    return shown
