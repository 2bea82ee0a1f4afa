"""When a schedule is due: a crontab line read on the wall clock of a place, answered in UTC.

Five fields as in POSIX crontab(5): minute, hour, day of month, month, day of week (0 is Sunday); where both
days are restricted, both must match. A time that the clocks skip in spring is due as much later; an hour
that comes twice in autumn is due the first time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from celery.schedules import ParseException, crontab

FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
HORIZON = timedelta(days=366 * 8 + 1)  # 29 February may be eight years away


def parse(line: str) -> crontab:
    """Raises ValueError with a sentence."""
    parts = line.split()
    if len(parts) != len(FIELDS):
        raise ValueError(
            "Five fields: minute, hour, day of month, month, day of week; “0 6 * * 1” is Mondays at 6."
        )
    try:
        return crontab(**dict(zip(FIELDS, parts, strict=True)))
    except (ParseException, ValueError) as error:
        raise ValueError(f"This is no crontab line: {error}") from error


def occurrences(line: str, zone: str, after: datetime, until: datetime) -> Iterator[datetime]:
    """Every time the line is due in (after, until], ascending, in UTC."""
    cron, place = parse(line), ZoneInfo(zone)
    day, last = after.astimezone(place).date() - timedelta(days=1), until.astimezone(place).date()
    while day <= last:
        if _matches(cron, day):
            walls = (datetime.combine(day, time(h, m), place) for h in cron.hour for m in cron.minute)
            yield from (at for at in sorted({wall.astimezone(UTC) for wall in walls}) if after < at <= until)
        day += timedelta(days=1)


def next_after(line: str, zone: str, after: datetime) -> datetime | None:
    """The first time after ``after``, or None where there is none within eight years."""
    return next(occurrences(line, zone, after, after + HORIZON), None)


def _matches(cron: crontab, day: date) -> bool:
    return (
        day.month in cron.month_of_year
        and day.day in cron.day_of_month
        and day.isoweekday() % 7 in cron.day_of_week
    )
