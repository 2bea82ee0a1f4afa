"""Estimates of the analytics as the figures people read."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from gtm.core.money import Money
from gtm.core.percents import percent_text
from plans.schemas.outputs import Figure, settle
from programs.analytics.chances import chance_in_words
from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable

WHOLE_FROM = 100


def figure(
    key: str, label: str, estimate: Any, *, unit: str = "", definition: str = "", scale: float = 1.0
) -> Figure:
    """A Metric from an Estimate with its interval, a bare number, or the reason there is none."""
    if isinstance(estimate, Unavailable):
        return Figure(key, label, None, unit, definition=definition, unavailable=estimate.reason)
    if not isinstance(estimate, Estimate):
        return Figure(
            key, label, None if estimate is None else float(estimate) * scale, unit, definition=definition
        )
    return Figure(
        key,
        label,
        estimate.value * scale,
        unit or estimate.unit,
        low=None if estimate.low is None else estimate.low * scale,
        high=None if estimate.high is None else estimate.high * scale,
        level=None if estimate.low is None else estimate.level,
        numerator=estimate.numerator,
        denominator=estimate.denominator,
        definition=definition,
    )


def value_of(estimate: Any) -> float | None:
    """The number of an estimate for later steps; None where there is none."""
    if isinstance(estimate, Unavailable) or estimate is None:
        return None
    return float(estimate.value if isinstance(estimate, Estimate) else estimate)


def with_ends(estimate: MaybeEstimate) -> tuple[float | None, float | None, float | None]:
    """Value, low and high for three cells of a table; nothing in any where there is no estimate."""
    if isinstance(estimate, Unavailable):
        return None, None, None
    return estimate.value, estimate.low, estimate.high


def percent(value: float | None, digits: int = 1) -> str:
    return "not available" if value is None else percent_text(settle(value), digits)


def chance(value: float | None, digits: int = 1) -> str:
    """A chance that was drawn: what rounds to never or always is said to be below or above the last digit."""
    return "not available" if value is None else chance_in_words(value, digits)


def money(value: float | None, currency: str) -> str:
    """About how much, for a sentence: whole units from a hundred on, and below that the decimals, too."""
    if value is None:
        return "not available"
    if abs(value) >= WHOLE_FROM:
        return f"{value:,.0f} {currency}"
    return str(Money(Decimal(str(value)), currency))


def as_shown(value: float, digits: int) -> Decimal:
    """A number of a table as people read it there, with so many decimals: what they add up."""
    return round(Decimal(str(settle(value))), digits)
