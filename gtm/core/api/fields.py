"""Days and instants of REST, as far as calendars, zones and both databases can count with them; amounts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import DateFilter, IsoDateTimeFilter
from rest_framework import serializers

from gtm.core.money import as_kept

FIRST, LAST = date(1900, 1, 1), date(2999, 12, 31)
"""At the ends of time no zone can be applied and no working day added; nobody plans or sells there."""
OUTSIDE = f"must lie between {FIRST} and {LAST}."


def is_countable(value: date | datetime) -> bool:
    """Whether a day, or an instant in UTC, lies where everything can count with it."""
    if not isinstance(value, datetime):
        return FIRST <= value <= LAST
    if not FIRST.year - 1 <= value.year <= LAST.year + 1:
        return False  # its offset may lead out of what Python can say
    moment = value.astimezone(UTC) if value.tzinfo else value
    return FIRST <= moment.date() <= LAST


class DayField(serializers.DateField):
    default_error_messages = {"range": OUTSIDE}  # noqa: RUF012 - as the base says it

    def to_internal_value(self, value: Any) -> date:
        day = super().to_internal_value(value)
        if not is_countable(day):
            self.fail("range")
        return day


class InstantField(serializers.DateTimeField):
    default_error_messages = {"range": OUTSIDE}  # noqa: RUF012 - as the base says it

    def to_internal_value(self, value: Any) -> datetime:
        moment = super().to_internal_value(value)
        if not is_countable(moment):
            self.fail("range")
        return moment

    def enforce_timezone(self, value: datetime) -> datetime:
        if not is_countable(value):
            self.fail("range")
        return super().enforce_timezone(value)


class MoneyAmountField(serializers.DecimalField):
    def quantize(self, value: Decimal) -> Decimal:
        """An amount as its column gives it back: 50000.00, 1.234."""
        return as_kept(super().quantize(value))


class _CountableDay(forms.DateField):
    def to_python(self, value: Any) -> Any:
        day = super().to_python(value)
        if day is not None and not is_countable(day):
            raise forms.ValidationError(OUTSIDE, code="range")
        return day


class _CountableInstant(IsoDateTimeField):
    def to_python(self, value: Any) -> Any:
        moment = super().to_python(value)
        if moment is not None and not is_countable(moment):
            raise forms.ValidationError(OUTSIDE, code="range")
        return moment


class DayFilter(DateFilter):
    field_class = _CountableDay


class InstantFilter(IsoDateTimeFilter):
    field_class = _CountableInstant
