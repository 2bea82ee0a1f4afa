"""Working time as an axis: from a moment on the wall to business days worked, and back, on whole arrays.

A moment is a real number of days after the axis' first day: 4.5 is noon of the fifth day. Work flows evenly
through business days and stands still on all others, so the way there is a piecewise linear function with
flat steps; the way back has two readings at a step, the earliest and the latest moment of the same work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Sums of sixths of days land a hair beside whole days; a nanoday is a tenth of a millisecond.
DECIMALS = 9
SETTLED = DECIMALS - 3  # what a chain of steps, each rounded to DECIMALS, is good for
LONGEST_YEARS = 60


class BusinessDays(Protocol):
    """A calendar as far as schedules need it. Equal calendars share an axis, so they hash."""

    def is_business_day(self, day: date) -> bool: ...

    def __hash__(self) -> int: ...


@lru_cache(maxsize=1024)
def _business_days(calendar: BusinessDays, year: int) -> NDArray[np.bool_]:
    """Which days of the year are business days. Kept: every look at a schedule asks for the same years."""
    day, last = date(year, 1, 1), date(year, 12, 31)
    is_open = (calendar.is_business_day(day + timedelta(days=n)) for n in range((last - day).days + 1))
    return np.fromiter(is_open, dtype=np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class WorkingTime:
    """``worked[i]``: business days before day i; ``days[w]``: the day on which business day w is worked."""

    first: date
    worked: FloatArray
    days: FloatArray

    @classmethod
    def between(cls, calendar: BusinessDays, first: date, last: date) -> WorkingTime:
        """The axis from ``first`` up to, not including, ``last``."""
        years = [_business_days(calendar, year) for year in range(first.year, last.year + 1)]
        begin = first.timetuple().tm_yday - 1
        is_open = np.concatenate(years)[begin : begin + (last - first).days]
        worked = np.concatenate([[0.0], np.cumsum(is_open, dtype=float)])
        return cls(first, worked, np.flatnonzero(is_open).astype(float))

    @property
    def longest_wait(self) -> int:
        """Days from one business day to the next, at most; the ends of the axis count as business days."""
        return int(np.diff(self.days, prepend=-1.0, append=float(len(self.worked) - 1)).max())

    def work_at(self, moment: FloatArray) -> FloatArray:
        """Business days worked before ``moment``, with fractions of the day itself."""
        day = np.floor(moment).astype(int)
        rate = self.worked[day + 1] - self.worked[day]
        work: FloatArray = np.round(self.worked[day] + (moment - day) * rate, DECIMALS)
        return work

    def start_of(self, work: FloatArray) -> FloatArray:
        """The moment at which work goes on after ``work`` business days: never a closed day."""
        whole = np.floor(work).astype(int)
        moment: FloatArray = self.days[whole] + (work - whole)
        return moment

    def end_of(self, work: FloatArray) -> FloatArray:
        """The moment at which ``work`` > 0 business days are done: the end of a day, not the next start."""
        whole = np.maximum(np.ceil(work).astype(int) - 1, 0)
        moment: FloatArray = self.days[whole] + (work - whole)
        return moment

    def offset(self, day: date) -> float:
        """The moment at which ``day`` begins."""
        return float((day - self.first).days)

    def date_of_start(self, moment: float) -> date:
        """The day on which something that begins at ``moment`` begins."""
        return self.first + timedelta(days=int(np.floor(np.round(moment, SETTLED))))

    def date_of_end(self, moment: float) -> date:
        """The last day of something that ends at ``moment``."""
        return self.first + timedelta(days=int(np.ceil(np.round(moment, SETTLED))) - 1)


def axes(
    calendars: Sequence[BusinessDays], earliest: date, latest: date, room: int
) -> dict[BusinessDays, WorkingTime]:
    """An axis a calendar over the same days, wide enough for a chain of ``room`` business days on both sides.

    Every day of the chain may wait for the longest closure of any calendar, so chains may change calendars.
    Raises ValueError where a calendar hardly ever opens.
    """
    reach, distinct = 2 * room + 14, dict.fromkeys(calendars)
    while reach < LONGEST_YEARS * 366:
        first, last = earliest - timedelta(days=reach), latest + timedelta(days=reach)
        found = {calendar: WorkingTime.between(calendar, first, last) for calendar in distinct}
        if reach >= room * max(axis.longest_wait for axis in found.values()):
            return found
        reach *= 2
    raise ValueError(f"No calendar may keep {room} business days waiting for {LONGEST_YEARS} years.")
