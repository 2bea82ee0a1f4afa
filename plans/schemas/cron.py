"""When a schedule is due: a crontab line read on the wall clock of a place, answered in UTC.

Five fields as in POSIX crontab(5): minute, hour, day of month, month, day of week (0 and 7 are Sunday). Where
both days are restricted it is due on either: ``0 6 1 * 1`` is every Monday and the first of each month. A
time that the clocks skip in spring is due when they have skipped; an hour that comes twice in autumn is due
the first time. The calculation is cronsim's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
HORIZON = timedelta(days=366 * 8 + 1)  # 29 February may be eight years away
_ANY_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def check(line: str) -> None:
    """Raises ValueError with a sentence where ``line`` is no crontab line."""
    _simulation(line, _ANY_MOMENT)


def explain(line: str) -> str:
    """What the line means, in words; empty for an empty line, which is due at booked times alone."""
    return _simulation(line, _ANY_MOMENT).explain() if line else ""


def occurrences(line: str, zone: str, after: datetime, until: datetime) -> Iterator[datetime]:
    """Every time the line is due in (after, until], ascending, in UTC."""
    before = after
    for wall in _simulation(line, after.astimezone(ZoneInfo(zone))):
        at = wall.astimezone(UTC)
        if at > until:
            return
        if at > before:  # times that the clocks skip all fall on the moment after
            yield at
            before = at


def next_after(line: str, zone: str, after: datetime) -> datetime | None:
    """The first time after ``after``, or None where there is none within eight years."""
    return next(occurrences(line, zone, after, after + HORIZON), None)


def either_day(line: str) -> bool:
    """Whether day of month and day of week are both restricted, so that either makes it due."""
    _, _, day, _, weekday = line.split()
    return not (day.startswith("*") or weekday.startswith("*"))


def _simulation(line: str, after: datetime) -> CronSim:
    if len(line.split()) != len(FIELDS):
        raise ValueError(
            "Five fields: minute, hour, day of month, month, day of week; “0 6 * * 1” is Mondays at 6."
        )
    try:
        return CronSim(line, after)
    except CronSimError as error:
        raise ValueError(f"“{line}” is not a crontab line: {error}.") from error
