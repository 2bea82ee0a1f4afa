"""Amounts of an output in a currency that has no decimals, such as the yen: whole, as they are shown.

Amounts of other currencies stay as they were computed, to ten significant digits: whoever adds them up gets
the total. A fraction of a yen is no money, and readers of a file would have to round it themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gtm.core.money import is_currency, is_price_of_one, minor_units

NUMBERS = ("value", "amount", "low", "high", "comparison", "expected_value")
"""What has the unit or the currency of the object that it stands in; a denominator is a count."""


def in_coins(body: dict[str, Any]) -> dict[str, Any]:
    """The stored form of an output, with its amounts whole where their currency has no decimals."""
    told = {key: _told(value) for key, value in body.items()}
    if body.get("columns") and body.get("rows"):
        told["rows"] = _rows(body)
    if isinstance(body.get("series"), list) and (unit := _whole(body.get("unit"))):
        told["series"] = [_curve(one, unit) for one in body["series"]]
    return told


def _told(value: Any) -> Any:
    """Figures, amounts and items of a backlog, which name their unit themselves; all else as it is."""
    if isinstance(value, list):
        return [_told(one) for one in value] if value and isinstance(value[0], dict) else value
    if not isinstance(value, dict):
        return value
    unit = _whole(value.get("unit") or value.get("currency"))
    if not unit:
        return value
    return {key: _amount(one, unit) if key in NUMBERS else one for key, one in value.items()}


def _rows(table: Mapping[str, Any]) -> list[list[Any]]:
    units = [_whole(one.get("unit")) for one in table["columns"]]
    if not any(units):
        return list(table["rows"])
    return [
        [_amount(cell, unit) if unit else cell for cell, unit in zip(row, units, strict=True)]
        for row in table["rows"]
    ]


def _curve(series: Mapping[str, Any], unit: str) -> dict[str, Any]:
    return {
        key: [_amount(one, unit) for one in value] if key in ("values", "low", "high") else value
        for key, value in series.items()
    }


def _whole(unit: Any) -> str:
    """A unit that is a currency without decimals; empty for all others."""
    return unit if isinstance(unit, str) and is_currency(unit) and minor_units(unit) == 0 else ""


def _amount(value: Any, currency: str) -> Any:
    """A computed amount without its fraction; the price of one of many, as the cost of a point, keeps it."""
    if not isinstance(value, float) or is_price_of_one(Decimal(str(value)), currency):
        return value
    return float(round(value))
