"""In which order points leave a ledger that does not say so everywhere: in words, whether it matters, and how far each
order reaches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy.stats import norm

from gtm.core.percents import percent_text
from programs.analytics.estimate import Estimate

WORTH_A_CAVEAT = 0.01
"""Of issued points: how far the two orders may lie apart before a reader has to know."""


@dataclass(frozen=True, slots=True)
class OrderOfPoints:
    """Breakage as it counts, newest first (None where few redemptions name no month), and first in first out where
    what counts is by the ``told_by`` redemptions that name their month."""

    unnamed: float
    breakage: float
    newest_first: float | None
    first_in: float | None = None
    told_by: float = 0.0
    agree: float | None = None

    @property
    def matters(self) -> bool:
        """Whether the order in which points leave changes breakage by what a reader has to know."""
        ends = [end for end in (self.newest_first, self.first_in) if end is not None]
        return any(abs(self.breakage - end) > WORTH_A_CAVEAT for end in ends)

    @property
    def sentence(self) -> str:
        if self.first_in is None or self.newest_first is None:
            said = _first_in_words(self.unnamed, self.breakage, self.newest_first)
            right = (
                ""
                if self.agree is None
                else f", which is right of {percent_text(self.agree, 0)} of those that name one"
            )
            return f"{said}{right}"
        return (
            f"{percent_text(self.unnamed, 0)} of the redeemed points name no month of issue; they are taken to be as old as "
            f"those that name one (as many as {self.told_by:,.0f} redemptions of equal size). Breakage is "
            f"{percent_text(self.breakage, 0)} so; first in first out it would be {percent_text(self.first_in, 0)}, and "
            f"{percent_text(self.newest_first, 0)} newest first"
        )


def _first_in_words(unnamed: float, breakage: float, newest_first: float | None) -> str:
    if not unnamed:
        return "Every redeemed point names its month of issue"
    said = f"{percent_text(unnamed, 0)} of the redeemed points name no month of issue; they are taken first in first out"
    if newest_first is None:
        return said
    ends = f"{percent_text(breakage, 0)} first in first out and {percent_text(newest_first, 0)} newest first"
    return f"{said}. Breakage is {ends}: the interval covers both"


def over_both(found: Estimate, other: Estimate | None) -> Estimate:
    if other is None:
        return found
    lows = [each for each in (found.low, other.low) if each is not None]
    highs = [each for each in (found.high, other.high) if each is not None]
    return replace(found, low=min(lows), high=max(highs))


def wider(found: Estimate, pairs: Sequence[tuple[Estimate, Estimate]]) -> Estimate:
    """With the error that the pairs, one standard error to each side, leave beside its own."""
    apart = [(high.value - low.value) / 2 for low, high in pairs]
    error = math.hypot(found.standard_error or 0.0, *apart)
    half = float(norm.ppf(0.5 + found.level / 2)) * error
    low, high = max(found.value - half, 0.0), min(found.value + half, 1.0)
    return replace(found, low=low, high=high, standard_error=error)


def no_wider_than(found: Estimate, *orders: Estimate) -> Estimate:
    """No wider than from the lower to the higher end of both orders, which are the ends of what may be."""
    if len(orders) < 2:
        return found
    lows = [each.value if each.low is None else each.low for each in orders]
    highs = [each.value if each.high is None else each.high for each in orders]
    low, high = (
        found.value if found.low is None else found.low,
        found.value if found.high is None else found.high,
    )
    low, high = max(low, min(*lows, found.value)), min(high, max(*highs, found.value))
    return replace(found, low=low, high=high)
