"""The one clock of data: a program's days, as its zone has them.

Questions count days, months and ages. Their rows are therefore read on the **wall clock** of the program's
zone, written as if it were UTC: every day has 24 hours, midnight exists, and the same local data give the
same figures in every zone. What the clocks did in a night of change is not seen: two events of such a night
may appear an hour further apart, or closer, than they were.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


def on_wall_clock(instant: datetime, zone: str) -> datetime:
    """What the clocks of ``zone`` show at an instant, written as UTC."""
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC)


def to_instant(shown: datetime, zone: str) -> datetime:
    """The instant at which the clocks of ``zone`` show what is written as UTC; the first of two."""
    return shown.replace(tzinfo=ZoneInfo(zone))


def start_of_day(shown: datetime) -> datetime:
    """The first moment of the day, on the wall clock."""
    return datetime.combine(shown.date(), time.min, UTC)


def end_of_day(shown: datetime) -> datetime:
    """The first moment after the day, on the wall clock."""
    return start_of_day(shown) + timedelta(days=1)


def sql_on_wall_clock(column: str, zone: str) -> str:
    """The same in SQL, for a column of instants. ``zone`` is checked: text of others never becomes SQL."""
    ZoneInfo(zone)
    return f"timezone('UTC', timezone('{zone}', {column})) AS {column}"
