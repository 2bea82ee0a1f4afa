"""The window of a monitoring run and the one before it, both standing at the end of the data."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from plans.engine.running.steps import StepContext
from programs.datasets.local_time import on_wall_clock, to_instant


def today_of(context: StepContext) -> date:
    """The day on which the run was started, where the program is at home."""
    return on_wall_clock(context.now, context.program["time_zone"]).date()


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` until before ``end``, on the wall clock of the program."""

    start: datetime
    end: datetime

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def label(self) -> str:
        return f"{self.start:%Y-%m-%d} to {self.end - timedelta(days=1):%Y-%m-%d}"


@dataclass(frozen=True, slots=True)
class WindowPair:
    """``name`` is the window as it was asked for: "7d", "quarter"; ``begins`` the day the data do."""

    current: Span
    previous: Span
    name: str = ""
    begins: date | None = None

    @property
    def why_alone(self) -> str:
        """Why there is nothing to compare the window with: the one before it begins before the data; else empty."""
        if self.begins is None or self.previous.start.date() >= self.begins:
            return ""
        return (
            f"No comparison is possible: the window before, {self.previous.label}, begins before the data, "
            f"which begin on {self.begins:%Y-%m-%d}."
        )

    @property
    def compared(self) -> str:
        """The window and what it is held against, as a headline."""
        return f"{self.current.label}" + (
            f". {alone}" if (alone := self.why_alone) else f", compared with {self.previous.label}"
        )

    @property
    def period(self) -> str:
        """What a breach is counted by, a window at a time: runs that stand on one last day measured one moment."""
        return f"until {self.current.end - timedelta(days=1):%Y-%m-%d}"

    def values(self, zone: str) -> dict[str, Any]:
        """The pair as later tasks and the plan JSON read it: instants of ``zone``."""
        return {
            "days": self.current.days,
            "start": to_instant(self.current.start, zone).isoformat(),
            "end": to_instant(self.current.end, zone).isoformat(),
            "previous_start": to_instant(self.previous.start, zone).isoformat(),
            "label": self.current.label,
            "previous_label": self.previous.label,
            "not_comparable": self.why_alone,
        }


def windows_until(end: datetime, window: str, *, since: datetime | None = None) -> WindowPair:
    """The window (``"30d"``) that ends at ``end``, and the same length before it; "quarter" is three calendar months.

    ``since`` is the first moment of the data.
    """
    begins = since.date() if since is not None else None
    if window == "quarter":
        start = _three_months_before(end)
        return WindowPair(Span(start, end), Span(_three_months_before(start), start), window, begins)
    length = timedelta(days=int(window.removesuffix("d")))
    return WindowPair(Span(end - length, end), Span(end - 2 * length, end - length), window, begins)


def spans_until(end: datetime, window: str, *, since: datetime, most: int) -> list[Span]:
    """The window that ends at ``end``, the one before it, and so on; the first two always, then those after ``since``."""
    found: list[Span] = []
    while len(found) < most:
        pair = windows_until(found[-1].start if found else end, window)
        if len(found) >= 2 and pair.current.start < since:
            break
        found.append(pair.current)
    return found


def _three_months_before(instant: datetime) -> datetime:
    year, month = divmod(instant.year * 12 + instant.month - 1 - 3, 12)
    day = min(instant.day, calendar.monthrange(year, month + 1)[1])
    return instant.replace(year=year, month=month + 1, day=day)
