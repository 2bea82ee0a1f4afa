"""Where a program runs and a person works: what their working calendar is made from."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import models

from gtm.core.places.calendars import UnknownCalendar, WorkingCalendar


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


def known_zone(value: str) -> None:
    """Refuse what is no IANA time zone."""
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValidationError(f"“{value}” is not an IANA time zone; write it like Europe/Berlin.") from error


def usable_zone(value: str) -> str:
    try:
        known_zone(value)
    except ValidationError:
        return "UTC"
    return value


def known_country(value: str) -> None:
    """Refuse a country whose holidays nobody knows."""
    try:
        WorkingCalendar(country=value)
    except UnknownCalendar as error:
        raise ValidationError(f"“{value}” is no country that has a calendar; write it like US.") from error


def check_subdivision(country: str, subdivision: str) -> None:
    """Refuse a part that the country does not have. Say what is wrong with the country first."""
    known_country(country)
    try:
        WorkingCalendar(country, subdivision)
    except UnknownCalendar as error:
        told = f"“{subdivision}” is no part of {country} that has holidays of its own."
        raise ValidationError({"subdivision": told}) from error


def calendar_at(place: Any, working_week: str = "") -> WorkingCalendar:
    """The working calendar of a program, a person or their facts: whatever has these columns."""
    weekdays = frozenset(map(int, working_week)) if working_week else None
    return WorkingCalendar(place.country, place.subdivision, place.time_zone, weekdays=weekdays)
