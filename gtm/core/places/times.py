"""A time in words: in the zone of whoever reads it, and beside it in another one where they differ."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.dateformat import format as formatted

FORM = "D Y-m-d H:i"


def time_in_words(instant: datetime, beside: str = "") -> str:
    """ "Mon 2026-11-30 14:00 Europe/Berlin (08:00 America/New_York)": ``beside`` is the other zone's name.

    The first is the active time zone of Django. Of the same moment on another day the other zone tells it.
    """
    here = timezone.localtime(instant)
    told = f"{formatted(here, FORM)} {timezone.get_current_timezone_name()}"
    there = instant.astimezone(ZoneInfo(beside)) if beside else here
    if there.utcoffset() == here.utcoffset():
        return told
    return f"{told} ({formatted(there, 'H:i' if there.date() == here.date() else FORM)} {beside})"
