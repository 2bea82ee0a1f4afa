"""What the readings of rules are counted in, so that no page shows a bare number.

A reading keeps its value as it was measured. Its unit is declared by the command that measures it.
"""

from __future__ import annotations

from decimal import Decimal

from gtm.core.money import Money, is_currency
from gtm.core.percents import percent_text
from plans.engine.gates.tolerance import number_of
from plans.models import Breach, Reading
from plans.runs import registry
from plans.templatetags.gtm import cell
from programs.schemas.metrics import MONEY


def unit_of(reading: Reading | Breach) -> str:
    """“%”, a currency, or what is counted; empty where the rule declares none or its command is gone."""
    command = registry.find(reading.command)
    unit = command.reading_units.get(reading.rule, "") if command else ""
    return reading.program.currency if unit == MONEY else unit


def value_in_words(reading: Reading | Breach) -> str:
    """The value of a reading as people read it, with its unit; “–” where it has none."""
    return in_words(reading.value, unit_of(reading))


def in_words(value: str | float | Decimal | None, unit: str) -> str:
    """0.055 as “5.5 %” where the unit is “%”, 1234 as “1,234.00 EUR”; what is no number as it is."""
    number = number_of(value)
    if number is None or not unit:
        return cell(value, "number")
    if unit == "%":
        return percent_text(number)
    return str(Money(number, unit)) if is_currency(unit) else f"{cell(number, 'number')} {unit}"
