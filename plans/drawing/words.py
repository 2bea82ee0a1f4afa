"""What the parts of a chart are called: axes with units, what a series means, what is seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gtm.core.later import later
from gtm.core.money import is_currency
from plans.drawing import points
from programs.analytics.chances import CHANCE

if TYPE_CHECKING:
    from babel import numbers
else:
    numbers = later("babel.numbers")

PERCENT = "%"
PERCENTS = (PERCENT, CHANCE)


def axis(payload: Mapping[str, Any]) -> str:
    """The title of the axis of values: what is measured and its unit, once where they are the same."""
    unit = payload.get("unit") or ""
    parts = dict.fromkeys(
        part for part in (payload.get("y_label"), PERCENT if unit == CHANCE else unit) if part
    )
    return " · ".join(parts)


def unit_in_words(unit: str) -> str:
    """A unit as people say it: a currency by its name, “%” as percent."""
    if is_currency(unit):
        return str(numbers.get_currency_name(unit, 2, locale="en"))
    return "percent" if unit in PERCENTS else unit


def meaning(payload: Mapping[str, Any], label: str, definitions: Mapping[str, str]) -> str:
    """What a value of the series ``label`` is, with its unit in words."""
    if payload["shape"] == "gantt":
        return "From the first day of the task to its last; the slack is how late it may end"
    said = definitions.get(label) or payload.get("y_label") or payload["title"]
    unit = unit_in_words(payload.get("unit") or "")
    told = said if not unit or unit.casefold() in said.casefold() else f"{said}, in {unit}"
    return f"{told[:1].upper()}{told[1:]}"


def interval_of(payload: Mapping[str, Any]) -> str:
    """What the range beside a value is; empty where this chart has none."""
    if payload["shape"] == "tornado":
        return "From low to high"
    if payload["shape"] == "gantt":
        return "Slack"
    if (per := points.neighbours(payload)) > 1:
        return f"Lowest to highest of {per} values"
    return "Interval" if any(one.get("low") and one.get("high") for one in payload["series"]) else ""


def of_chart(payload: Mapping[str, Any]) -> str:
    """A chart in one sentence, for whoever does not see it."""
    series = [one["label"] for one in payload["series"]]
    categories = payload["categories"]
    what = ", ".join(series[:6]) + (f" and {len(series) - 6} more" if len(series) > 6 else "")
    span = f", from {categories[0]} to {categories[-1]}" if len(categories) > 1 else ""
    return f"{payload['title']}: {what}{span}."
