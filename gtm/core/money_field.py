"""The column of an amount of money, and rows that refuse more decimals than their currency has."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models

from gtm.core.errors import InvalidInput, Problem
from gtm.core.money import KEPT_DECIMALS, as_kept, finer_than_coins

# In the stubs a field is generic, at run time it is not.
if TYPE_CHECKING:
    _Decimal = models.DecimalField[Any, Any]
    _Row = models.Model
else:
    _Decimal, _Row = models.DecimalField, object


class MoneyField(_Decimal):
    """An amount with the decimals of any currency; it comes back with two, or with more where it has more.

    So 50000 is 50000.00 in the log and in every digest, as when columns had two decimals, and a thousandth of
    a dinar is kept. ``of``: where the row has its currency, such as "currency" or "program.currency".
    """

    def __init__(self, *, of: str = "", max_digits: int = 18, **kwargs: Any):
        self.of = of
        super().__init__(**kwargs | {"max_digits": max_digits, "decimal_places": KEPT_DECIMALS})

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {key: value for key, value in kwargs.items() if key != "decimal_places"}

    def from_db_value(self, value: Decimal | None, *_: Any) -> Decimal | None:
        return None if value is None else as_kept(value)

    def currency_of(self, row: models.Model) -> str:
        """The currency of a row, or "" where the row has none yet."""
        found: Any = row
        for name in self.of.split(".") if self.of else ():
            found = getattr(found, name, None)
        return found if isinstance(found, str) else ""


def money_fields(model: type[models.Model]) -> dict[str, MoneyField]:
    """The columns of money of a model, by name."""
    return {field.name: field for field in model._meta.concrete_fields if isinstance(field, MoneyField)}


def coin_problems(row: models.Model) -> dict[str, str]:
    """Which amounts of a row, of those entered anew, have more decimals than their currency, by field."""
    found = {}
    for name, field in money_fields(type(row)).items():
        amount, currency = field.to_python(getattr(row, name)), field.currency_of(row)
        if amount is not None and currency and (wrong := finer_than_coins(amount, currency)):
            found[name] = wrong
    if not found or row.pk is None:
        return found
    stored = type(row)._base_manager.filter(pk=row.pk).first()
    return {name: wrong for name, wrong in found.items() if stored is None or _is_new(row, stored, name)}


def _is_new(row: models.Model, stored: models.Model, name: str) -> bool:
    field = money_fields(type(row))[name]
    now = (field.to_python(getattr(row, name)), field.currency_of(row))
    return now != (getattr(stored, name), field.currency_of(stored))


class CleanCoins(_Row):
    """A model whose amounts people enter, in a form or over REST: finer ones than coins are refused there.

    An amount that stands there already stays, for instance one from before its currency was looked at.
    """

    def clean(self) -> None:
        super().clean()
        if problems := coin_problems(self):
            raise ValidationError(problems)


class EnteredInCoins(CleanCoins):
    """The same at every door: ``save`` raises InvalidInput."""

    def save(self, *args: Any, **kwargs: Any) -> None:
        if problems := coin_problems(self):
            raise InvalidInput(
                f"An amount of {self} cannot be paid.",
                hint="Enter it with no more decimals than its currency has.",
                problems=[Problem(name, said, code="invalid") for name, said in problems.items()],
            )
        super().save(*args, **kwargs)
