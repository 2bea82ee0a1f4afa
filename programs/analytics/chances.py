"""Chances in words: none is told as never or always, for a finite number of draws proves neither."""

from __future__ import annotations

from gtm.core.percents import percent_text

CHANCE = "% chance"
"""The unit of a figure in percent that is a chance, drawn or modelled: unlike a share that was counted, it is
never shown as 0 % or 100 %."""
FINEST = 6
"""Decimals of a percentage at which an end of an interval stops to be told apart from never and always."""


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


def chances_between(low: float, high: float, digits: int = 1) -> str:
    """The interval of a chance, from 0 to 1, with as many decimals as its ends need. Where every draw did it,
    the interval has only a low end, "above 99.96 %"; where none did, only a high one, "below 0.04 %".

    With 10,000 draws that is Wilson's bound at 95 %, 3.84 / 10,004: a little wider than the rule of three.
    """
    if high >= 1:
        return f"above {_apart(low, digits)}"
    if low <= 0:
        return f"below {_apart(high, digits)}"
    return f"{_apart(low, digits)} to {_apart(high, digits)}"


def _apart(share: float, digits: int) -> str:
    """A share in percent, with more decimals where it would round to 0 or to 100."""
    told = percent_text(share, digits)
    if digits < FINEST and told in (percent_text(0, digits), percent_text(1, digits)):
        return _apart(share, digits + 1)
    return told
