"""Working calendars: business days, working hours, holidays, in a place's own time zone.

Pure and exact across daylight-saving changes: days are calendar days of the zone, hours are elapsed
hours. Holidays come from the ``holidays`` library.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays


class UnknownCalendar(ValueError):
    """The country, subdivision or time zone does not exist."""


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """Monday to Friday, 09:00 to 17:00 in ``time_zone``, without the public holidays of ``country``.

    ``opens == closes`` means around the clock, every day.
    """

    country: str = ""
    subdivision: str = ""
    time_zone: str = "UTC"
    opens: time = time(9)
    closes: time = time(17)
    weekdays: frozenset[int] = frozenset(range(5))
    _holidays: holidays.HolidayBase | dict[date, str] = field(
        init=False, repr=False, compare=False, hash=False
    )

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.time_zone)
            days = (
                holidays.country_holidays(self.country, subdiv=self.subdivision or None)
                if self.country
                else {}
            )
        except (ZoneInfoNotFoundError, NotImplementedError, ValueError) as error:
            raise UnknownCalendar(
                f"There is no calendar for {self.country} {self.subdivision} {self.time_zone}: {error}"
            ) from error
        object.__setattr__(self, "_holidays", days)

    @property
    def never_closes(self) -> bool:
        return self.opens == self.closes

    def is_business_day(self, day: date) -> bool:
        return self.never_closes or (day.weekday() in self.weekdays and day not in self._holidays)

    def add_business_days(self, day: date, count: int) -> date:
        """The business day ``count`` business days after ``day`` (before it, when negative)."""
        step = timedelta(days=1 if count >= 0 else -1)
        left = abs(count)
        while left:
            day += step
            left -= self.is_business_day(day)
        return day

    def business_days_between(self, start: date, end: date) -> int:
        """Business days in [start, end); negative where end lies before start."""
        if end < start:
            return -self.business_days_between(end, start)
        return sum(self.is_business_day(start + timedelta(days=n)) for n in range((end - start).days))

    def opening(self, day: date) -> tuple[datetime, datetime]:
        """When the day's work begins and ends, in UTC."""
        zone = ZoneInfo(self.time_zone)
        begin = datetime.combine(day, self.opens, zone).astimezone(UTC)
        if self.never_closes:
            return begin, datetime.combine(day + timedelta(days=1), self.opens, zone).astimezone(UTC)
        return begin, datetime.combine(day, self.closes, zone).astimezone(UTC)

    def add_hours(self, instant: datetime, hours: float) -> datetime:
        """The instant after ``hours`` working hours; time outside working hours does not count."""
        if self.never_closes:
            return instant.astimezone(UTC) + timedelta(hours=hours)
        left = timedelta(hours=hours)
        moment = instant.astimezone(UTC)
        day = instant.astimezone(ZoneInfo(self.time_zone)).date()
        while True:
            if self.is_business_day(day):
                begin, end = self.opening(day)
                begin = max(begin, moment)
                if begin < end:
                    if left <= end - begin:
                        return begin + left
                    left -= end - begin
            day += timedelta(days=1)

    def hours_between(self, start: datetime, end: datetime) -> float:
        """Working hours in [start, end); 0 where end lies before start."""
        if self.never_closes:
            return max((end - start).total_seconds() / 3600, 0.0)
        zone = ZoneInfo(self.time_zone)
        day, last, total = start.astimezone(zone).date(), end.astimezone(zone).date(), timedelta()
        while day <= last:
            if self.is_business_day(day):
                begin, close = self.opening(day)
                total += max(min(close, end) - max(begin, start), timedelta())
            day += timedelta(days=1)
        return total.total_seconds() / 3600


ALWAYS_OPEN = WorkingCalendar(opens=time(0), closes=time(0))
