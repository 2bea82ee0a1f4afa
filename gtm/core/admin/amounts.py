"""Amounts of a row on the admin's lists and read-only pages: with the decimals of their currency."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib.admin import display
from django.db import models

from gtm.core.money import amount_text
from gtm.core.money_field import money_fields


def in_coins(model: type[models.Model], names: Iterable[Any]) -> list[Any]:
    """``names`` of columns to show, with a function in place of each amount of money."""
    amounts = money_fields(model)
    return [_column(amounts[name]) if name in amounts else name for name in names]


def _column(field: Any) -> Callable[[Any], str]:
    @display(description=field.verbose_name.capitalize(), ordering=field.name)
    def column(row: Any) -> str:
        amount = getattr(row, field.name)
        return "–" if amount is None else amount_text(amount, field.currency_of(row))

    return column
