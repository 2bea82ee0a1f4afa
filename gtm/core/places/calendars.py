"""Working calendars: business days, working hours, holidays, in a place's own time zone.

Pure and exact across daylight-saving changes: days are calendar days of the zone, hours are elapsed
hours, instants go in aware and come out in UTC. Holidays come from the ``holidays`` library.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

ONE_DAY = timedelta(days=1)
_WEEK = frozenset(range(7))


class UnknownCalendar(ValueError):
    """The country, subdivision or time zone does not exist."""


@cache
def _public_holidays(country: str, subdivision: str) -> Container[date]:
    """One growing table a place: the library adds a year when it is first asked for it."""
    if not country:
        return frozenset()
    return holidays.country_holidays(country, subdiv=subdivision or None)


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """The working week of ``country``, 09:00 to 17:00 in ``time_zone``, without its public holidays.

    ``country`` is ISO 3166-1 alpha-2 and ``subdivision`` the second part of ISO 3166-2; ``time_zone`` is an
    IANA name; ``weekdays``, where the week is another one, counts Monday as 0. ``opens == closes`` means
    around the clock, every day.
    Raises UnknownCalendar for a place that does not exist, ValueError for hours or weekdays without work.
    """

    country: str = ""
    subdivision: str = ""
    time_zone: str = "UTC"
    opens: time = time(9)
    closes: time = time(17)
    weekdays: frozenset[int] | None = None
    _working: frozenset[int] = field(init=False, repr=False, compare=False, hash=False)
    _holidays: Container[date] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        if self.opens > self.closes:
            raise ValueError(f"Work opens at {self.opens} but closes at {self.closes}.")
        if self.weekdays is not None and not frozenset() < self.weekdays <= _WEEK:
            raise ValueError(f"Weekdays run from 0 (Monday) to 6, at least one: {sorted(self.weekdays)}.")
        try:
            ZoneInfo(self.time_zone)
            days = _public_holidays(self.country, self.subdivision)
        except (ZoneInfoNotFoundError, NotImplementedError, ValueError) as error:
            # NotImplementedError is how the library holidays says that it does not know a country.
            raise UnknownCalendar(
                f"There is no calendar for {self.country} {self.subdivision} {self.time_zone}: {error}"
            ) from error
        working = self.weekdays if self.weekdays is not None else _WEEK - getattr(days, "weekend", {5, 6})
        object.__setattr__(self, "_working", working)
        object.__setattr__(self, "_holidays", days)

    @property
    def never_closes(self) -> bool:
        return self.opens == self.closes

    # ------------------------------------------------------------------ days

    def is_business_day(self, day: date) -> bool:
        return self.never_closes or (day.weekday() in self._working and day not in self._holidays)

    def why_closed(self, day: date) -> str:
        """What keeps people from work on ``day``, to go on after “is”; empty on a business day."""
        if self.is_business_day(day):
            return ""
        name = self._holidays.get(day) if isinstance(self._holidays, Mapping) else None
        return f"a holiday ({name})" if name else f"a {day:%A}, no working day"

    def next_business_day(self, day: date) -> date:
        """``day`` itself, or the first business day after it."""
        while not self.is_business_day(day):
            day += ONE_DAY
        return day

    def add_business_days(self, day: date, count: int) -> date:
        """The business day ``count`` business days after ``day`` (before it, when negative)."""
        step = ONE_DAY if count >= 0 else -ONE_DAY
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

    # ------------------------------------------------------------------ hours

    def opening(self, day: date) -> tuple[datetime, datetime]:
        """When the day's work begins and ends, in UTC, were it a business day."""
        zone = ZoneInfo(self.time_zone)
        closing_day = day + ONE_DAY if self.never_closes else day
        begin = datetime.combine(day, self.opens, zone)
        end = datetime.combine(closing_day, self.closes, zone)
        return begin.astimezone(UTC), end.astimezone(UTC)

    def next_working_moment(self, instant: datetime) -> datetime:
        """``instant`` itself while work is open, else the next opening. A closing time is not open."""
        return self.add_hours(instant, 0)

    def is_open(self, instant: datetime) -> bool:
        return self.next_working_moment(instant) == instant

    def add_hours(self, instant: datetime, hours: float) -> datetime:
        """The instant after ``hours`` ≥ 0 working hours; time outside working hours does not count.

        Work that takes the rest of the day ends at its closing, not at the next opening.
        """
        if not hours >= 0:
            raise ValueError(f"Working hours to add must be 0 or more: {hours}.")
        left = timedelta(hours=hours)
        moment = _in_utc(instant)
        if self.never_closes:
            return moment + left
        for opens, closes in self._openings_from(moment):
            begin = max(opens, moment)
            if begin >= closes:
                continue
            if left <= closes - begin:
                return begin + left
            left -= closes - begin
        raise OverflowError("The calendar ends before the working hours do.")

    def hours_between(self, start: datetime, end: datetime) -> float:
        """Working hours in [start, end); 0 where end lies before start."""
        start, end = _in_utc(start), _in_utc(end)
        if self.never_closes:
            return max(end - start, timedelta()) / timedelta(hours=1)
        total = timedelta()
        for opens, closes in self._openings_from(start):
            if opens >= end:
                break
            total += max(min(closes, end) - max(opens, start), timedelta())
        return total / timedelta(hours=1)

    def _openings_from(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The opening hours of every business day from the one ``moment`` falls on, in UTC."""
        day = moment.astimezone(ZoneInfo(self.time_zone)).date()
        while day < date.max:
            if self.is_business_day(day):
                yield self.opening(day)
            day += ONE_DAY


ALWAYS_OPEN = WorkingCalendar(opens=time(0), closes=time(0))


def _in_utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone.")
    return instant.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class WithAbsences:
    """A calendar less the days on which its person is away; ``away`` are first and last days, inclusive."""

    calendar: WorkingCalendar
    away: tuple[tuple[date, date], ...]

    @property
    def country(self) -> str:
        return self.calendar.country

    def is_business_day(self, day: date) -> bool:
        return not any(first <= day <= last for first, last in self.away) and self.calendar.is_business_day(
            day
        )

    def next_business_day(self, day: date) -> date:
        """``day`` itself, or the first day after it on which this person works."""
        while not self.is_business_day(day):
            day += ONE_DAY
        return day


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Open on every day on which one of several people works: whoever is there does it."""

    calendars: tuple[WorkingCalendar | WithAbsences, ...]

    @property
    def country(self) -> str:
        return self.calendars[0].country

    def is_business_day(self, day: date) -> bool:
        return any(calendar.is_business_day(day) for calendar in self.calendars)

    def next_business_day(self, day: date) -> date:
        """``day`` itself, or the first day after it on which somebody works."""
        while not self.is_business_day(day):
            day += ONE_DAY
        return day


def days_away(calendar: WorkingCalendar, start: datetime, end: datetime) -> tuple[date, date] | None:
    """First and last business day that is lost between two instants: of a day, more than half its hours."""
    zone = ZoneInfo(calendar.time_zone)
    first, last = start.astimezone(zone).date(), end.astimezone(zone).date()

    def is_lost(day: date) -> bool:
        opens, closes = calendar.opening(day)
        return min(end, closes) - max(start, opens) > (closes - opens) / 2

    while first <= last and not is_lost(first):
        first += ONE_DAY
    while first <= last and not is_lost(last):
        last -= ONE_DAY
    return (first, last) if first <= last else None
