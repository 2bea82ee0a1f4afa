"""What every method returns: a number with its uncertainty, or the reason there is none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A point estimate with its interval and what it was counted from.

    ``low``/``high`` bound the ``level`` interval (0.95 = 95 %), in the unit of ``value``.
    ``numerator``/``denominator`` are the counts behind a rate, so that a reader sees
    "31 of 40" and not only "77 %". ``method`` names the interval ("wilson", "bootstrap", …).
    """

    value: float
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    standard_error: float | None = None
    numerator: float | None = None
    denominator: float | None = None
    unit: str = ""
    method: str = ""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """An estimate that could not be made. ``reason`` is a sentence for the reader."""

    reason: str

    def __bool__(self) -> bool:
        return False


MaybeEstimate = Estimate | Unavailable
