"""How values read on a page: thousands apart, percent as percent, and an em dash for nothing."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django import template
from django.utils.dateformat import format as date_format
from django.utils.dateparse import parse_datetime
from django.utils.html import escape, format_html, format_html_join
from django.utils.timezone import is_aware, localtime

from gtm.core.actors import name_of
from gtm.core.money import amount_text, is_currency
from gtm.core.percents import percent_text
from gtm.core.places.times import time_in_words
from gtm.core.readable import readable
from plans.schemas.answer import rounding_note
from programs.analytics.chances import CHANCE, chance_in_words, chances_between

register = template.Library()
OPTIONS = re.compile(r" (?=--)")
WHOLE_FROM = 100
NUMERIC = frozenset({"integer", "number", "figure", "percent", "chance", "money"})


@register.filter
def person(user: Any) -> str:
    """Whose account it is, or nothing; of a program's account also who answers for it."""
    if not user:
        return ""
    service = getattr(user, "service_account", None)
    return f"{name_of(user)}, for which {name_of(service.owner)} answers" if service else name_of(user)


@register.filter
def usage_line(text: str) -> str:
    """A usage line that wraps between options and never inside “--”."""
    return format_html_join(
        " ", '<span class="g-option">{}</span>', ((part,) for part in OPTIONS.split(text))
    )


@register.filter
def cell(value: Any, kind: str = "", unit: str = "") -> str:
    """A table cell by the kind and unit of its column (see plans.schemas.outputs.Column)."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list | tuple):
        return readable(value)
    if kind == "datetime":
        return _moment(str(value))
    if kind in ("text", "date") or not isinstance(value, int | float | str | Decimal):
        return str(value)
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    if not number.is_finite() or (kind not in NUMERIC and isinstance(value, str)):
        return str(value)
    if kind == "percent":
        return percent_text(number)
    if kind == "chance":
        return chance_in_words(float(number), 1)
    if unit == CHANCE and kind in ("number", "figure"):
        return chance_in_words(float(number) / 100, 1)
    if kind == "money" or (kind in ("number", "figure") and is_currency(unit)):
        return amount_text(number, unit)
    if number == number.to_integral_value():
        return f"{number:,.0f}"
    return f"{number:,.4g}" if abs(number) < 1 else f"{number:,.2f}"


@register.filter
def when(instant: datetime | None, program: Any = None) -> str:
    """A time in the reader's zone, with the program's beside it where they differ."""
    return time_in_words(instant, program.time_zone if program else "") if instant else "–"


def _moment(told: str) -> str:
    found = parse_datetime(told)
    return date_format(localtime(found), "Y-m-d H:i e") if found and is_aware(found) else told


@register.filter
def figure(item: dict[str, Any]) -> str:
    """The figure of a metric with its unit; a chance has it already."""
    unit = item.get("unit") or ""
    if item.get("value") is None:
        return "–"
    if unit == CHANCE:
        return cell(item["value"], "figure", unit)
    return f"{cell(item['value'], 'figure', unit)} {unit}".strip()


@register.filter
def ends(item: dict[str, Any]) -> str:
    """The interval of the figure of a metric, without its unit: "12.5 to 17". That of a chance has it."""
    unit = item.get("unit") or ""
    if unit == CHANCE:
        return chances_between(item["low"] / 100, item["high"] / 100)
    return f"{in_unit(item['low'], unit)} to {in_unit(item['high'], unit)}"


@register.filter
def in_unit(value: Any, unit: str) -> str:
    """A number as its unit has it: an amount of a currency with its decimals."""
    return cell(value, "figure", unit or "")


@register.filter
def money(amount: Any, currency: str) -> str:
    """An amount and its currency."""
    return "–" if amount is None or amount == "" else f"{cell(amount, 'money', currency)} {currency}".rstrip()


@register.filter
def cells(row: Any, grid: Any) -> list[tuple[str, str]]:
    """Kind and text of each cell of a row of an output."""
    units = grid.units_of(row)
    return [(kind, cell(value, kind, unit)) for value, kind, unit in zip(row, grid.kinds, units, strict=True)]


@register.filter
def is_numeric(kind: str) -> bool:
    return kind in NUMERIC


@register.filter
def at(sequence: Any, position: int) -> Any:
    return sequence[position]


register.filter("pretty", readable)


@register.filter
def words(name: str) -> str:
    """A name of ours as people write it."""
    return name.replace("_", " ").replace("-", " ")


@register.filter
def in_words(attempt: Any, task: Any) -> str:
    """An attempt at a task as a sentence: which, by whom, what came of it, and why."""
    who = "" if attempt.executor == "original" else f" by the {attempt.get_executor_display().lower()}"
    # Who completes a task at once may be seen to end it before it began: the clock is read twice.
    took = f" after {max(attempt.seconds, 0.0):,.1f} s" if attempt.seconds is not None else ""
    why = f" ({attempt.error_class})" if attempt.error_class else ""
    error = f": {attempt.error}" if attempt.error else "."
    outcome = attempt.get_outcome_display().lower()
    return f"Attempt {attempt.number} of {task.attempts_allowed}{who}: {outcome}{took}{why}{error}"


@register.filter
def tree(value: Any) -> str:
    """A stored value of any depth as lists a person reads, never as JSON."""
    if isinstance(value, dict) and value:
        rows = ((str(key).replace("_", " "), tree(item)) for key, item in value.items())
        return format_html("<ul class='g-tree'>{}</ul>", format_html_join("", "<li><b>{}</b> {}</li>", rows))
    if isinstance(value, list | tuple) and any(isinstance(item, dict | list | tuple) for item in value):
        rows = ((tree(item),) for item in value)
        return format_html("<ol class='g-tree'>{}</ol>", format_html_join("", "<li>{}</li>", rows))
    return escape(cell(value if value not in ({}, [], ()) else None))


VERDICT_FAMILIES = {"go": "good", "go with care": "waiting", "do not": "bad", "cannot tell": "quiet"}
VERDICT_MARKS = {"go": "✓", "go with care": "…", "do not": "!", "cannot tell": "?"}


@register.filter
def verdict_family(verdict: str) -> str:
    """The family of colours of an answer's verdict."""
    return VERDICT_FAMILIES[verdict]


@register.filter
def verdict_mark(verdict: str) -> str:
    """The mark of an answer's verdict: never colour alone."""
    return VERDICT_MARKS[verdict]


@register.filter
def interval(one: dict[str, Any]) -> str:
    """The interval of a figure or an amount of an answer, with its level where it has one."""
    unit = one.get("unit") or one.get("currency") or ""
    level = f", {percent_text(one['level'], 0)} interval" if one.get("level") else ""
    if unit == CHANCE:
        return f"{chances_between(one['low'] / 100, one['high'] / 100)}{level}"
    low = roughly(one["low"], unit).removesuffix(unit).rstrip()
    return f"{low} to {roughly(one['high'], unit)}{level}"


@register.filter
def rounding(answer: dict[str, Any]) -> str:
    """The sentence on how an answer rounds amounts."""
    return rounding_note(answer)


@register.filter
def roughly(value: Any, unit: str) -> str:
    """A figure for a card: whole units from a hundred on, one decimal of a percentage, with its unit."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return f"{value} {unit}".strip()
    number = Decimal(str(value))
    if unit == "%":
        return percent_text(number / 100)
    if unit == CHANCE:
        return cell(value, "figure", unit)
    if abs(number) >= WHOLE_FROM or number == number.to_integral_value():
        text = f"{number:,.0f}"
    else:
        text = cell(value, "figure", unit)
    return f"{text} {unit}".strip()
