"""Where a program runs and a person works: what their working calendar is made from."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from gtm.core.places import world
from gtm.core.places.calendars import WorkingCalendar


class WorkingWeek(models.TextChoices):
    """Days on which people of a program work, where they are not those of its country."""

    OF_THE_COUNTRY = "", "As in the country"
    MON_FRI = "01234", "Monday to Friday"
    MON_SAT = "012345", "Monday to Saturday"
    SUN_THU = "60123", "Sunday to Thursday"
    SUN_FRI = "601234", "Sunday to Friday"
    SAT_WED = "56012", "Saturday to Wednesday"
    SAT_THU = "560123", "Saturday to Thursday"
    ALL = "0123456", "Every day"


class CodeField(models.CharField):  # type: ignore[type-arg]  # generic in the stubs alone
    """A code of the world. A form takes more letters than a code has: what is too long is named, not cut."""

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"validators": self._validators, **kwargs, "max_length": LONGEST_ENTRY})


LONGEST_ENTRY = 80


def known_zone(value: str) -> None:
    """Refuse what is no IANA time zone."""
    _refuse(world.wrong_zone(value))


def known_currency(value: str) -> None:
    """Refuse what is no currency of ISO 4217 that is in use."""
    _refuse(world.wrong_currency(value))


def _refuse(wrong: str) -> None:
    if wrong:
        raise ValidationError(wrong)


def usable_zone(value: str) -> str:
    try:
        known_zone(value)
    except ValidationError:
        return "UTC"
    return value


def known_country(value: str) -> None:
    """Refuse a country whose holidays nobody knows."""
    _refuse(world.wrong_country(value))


def check_subdivision(country: str, subdivision: str) -> None:
    """Refuse a part that the country does not have. Say what is wrong with the country first."""
    known_country(country)
    if wrong := world.wrong_subdivision(country, subdivision):
        raise ValidationError({"subdivision": wrong})


def calendar_at(place: Any, working_week: str = "") -> WorkingCalendar:
    """The working calendar of a program, a person or their facts: whatever has these columns."""
    weekdays = frozenset(map(int, working_week)) if working_week else None
    return WorkingCalendar(place.country, place.subdivision, place.time_zone, weekdays=weekdays)
