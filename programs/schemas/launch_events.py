"""What runbooks of a launch say beside tasks: sessions before and after it, its reviews, and its looks."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Any

_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TIME = re.compile(r"([01]?\d|2[0-3]):[0-5]\d")
WINDOWS = ("7d", "30d", "90d")
"""What the review command looks at."""
DETAILS = ("summary", "full")


@dataclass(frozen=True, slots=True)
class Briefing:
    """A session planned against the launch: ``days`` business days from it, negative before it.

    ``teams`` are roles; ``at`` is the wall clock where the program is at home.
    """

    key: str
    title: str
    days: int
    at: time
    minutes: int
    teams: tuple[str, ...]
    agenda: str = ""


@dataclass(frozen=True, slots=True)
class LaunchReview:
    """A run of the review command ``day`` calendar days after the launch, over a window such as "7d"."""

    day: int
    at: time
    window: str
    detail: str = ""

    @property
    def inputs(self) -> dict[str, str]:
        return {"window": self.window} | ({"detail": self.detail} if self.detail else {})


@dataclass(frozen=True, slots=True)
class LookSpan:
    """How often the limits of the monitoring plan are held against the newest data, over a window ("7d").

    ``from_day`` and ``until_day`` are calendar days after the launch, both counted.
    """

    from_day: int
    until_day: int
    every_hours: int
    window: str


Line = Mapping[str, Any]
SESSIONS: tuple[Line, ...] = (
    {"key": "sales-training", "title": "Training: sales", "days": -5, "at": "10:00", "minutes": 60,
     "teams": ["sales"],
     "agenda": "The offer in one sentence, who qualifies, what not to promise, where the links are."},
    {"key": "success-training", "title": "Training: customer success and support", "days": -4, "at": "10:00",
     "minutes": 60, "teams": ["customer-success"],
     "agenda": "Support script, FAQ, how a lost code is found again, what to do with a suspicious referral."},
    {"key": "dry-run", "title": "Dry run of the launch day", "days": -1, "at": "15:00", "minutes": 30,
     "teams": ["lifecycle-ops"], "agenda": "Day-of checklist, who is on call, how the rip-cord is pulled."},
    {"key": "office-hour", "title": "Office hour after the launch", "days": 2, "at": "11:00", "minutes": 45,
     "teams": ["sales", "customer-success"],
     "agenda": "Questions of the first days; what is missing in the FAQ."},
)  # fmt: skip
PARTNER_SESSIONS: tuple[Line, ...] = (
    {"key": "partner-enablement", "title": "Enablement: partners", "days": -3, "at": "14:00", "minutes": 45,
     "teams": ["partner-manager", "partner-ops"],
     "agenda": "Partner kit, tracked links, who answers after the launch."},
)  # fmt: skip
STANDARD_SESSIONS: Mapping[str, tuple[Line, ...]] = {"": SESSIONS, "partner": PARTNER_SESSIONS}
"""By channel; held where no runbook of a program's kind names a session."""
STANDARD_REVIEWS: tuple[Line, ...] = (
    {"day": 0, "at": "17:00", "window": "7d"},
    {"day": 1, "at": "09:00", "window": "7d"},
    {"day": 7, "at": "09:00", "window": "7d", "detail": "full"},
    {"day": 30, "at": "09:00", "window": "30d", "detail": "full"},
)
"""Booked where no runbook of the launch names a review."""
STANDARD_LOOKS: tuple[Line, ...] = (
    {"from_day": 0, "until_day": 0, "every_hours": 1, "window": "7d"},
    {"from_day": 1, "until_day": 30, "every_hours": 24, "window": "7d"},
)
"""Where no runbook of the launch says how often: every hour on its day, then once a day."""


def briefing_of(line: Line) -> Briefing:
    return Briefing(
        line["key"],
        line["title"],
        int(line["days"]),
        _clock(line["at"]),
        int(line["minutes"]),
        tuple(line["teams"]),
        line.get("agenda", ""),
    )


def review_of(line: Line) -> LaunchReview:
    return LaunchReview(int(line["day"]), _clock(line["at"]), line["window"], line.get("detail", ""))


def look_of(line: Line) -> LookSpan:
    return LookSpan(int(line["from_day"]), int(line["until_day"]), int(line["every_hours"]), line["window"])


def with_numbers(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """The same lines with numbers where a form wrote texts."""
    numbers = ("days", "minutes", "day", "from_day", "until_day", "every_hours")
    return [
        {name: int(value) if name in numbers else value for name, value in line.items()} for line in lines
    ]


def problems_of_sessions(value: Any, roles: Collection[str]) -> list[str]:
    """What is wrong with the sessions of a runbook, a sentence each."""
    found = [*_problems(value, _SESSION, ("agenda",), "session", "key")]
    if not found:
        teams = (team for line in value for team in line["teams"])
        found += [f"There is no role {team}." for team in dict.fromkeys(teams) if team not in roles]
    return found


def problems_of_reviews(value: Any) -> list[str]:
    """What is wrong with the reviews of a runbook, a sentence each."""
    return [*_problems(value, _REVIEW, ("detail",), "review", "day")]


def problems_of_looks(value: Any) -> list[str]:
    """What is wrong with the looks of a runbook, a sentence each."""
    if found := [*_problems(value, _LOOK, (), "look", "from_day")]:
        return found
    spans = sorted((int(line["from_day"]), int(line["until_day"])) for line in value)
    found = [f"A look from day {a} cannot end before it, on day {z}." for a, z in spans if z < a]
    pairs = zip(spans, spans[1:], strict=False)
    return found or [f"Day {b} has two looks: one ends on day {z}." for (_, z), (b, _) in pairs if b <= z]


def _problems(
    value: Any, checks: Mapping[str, Callable[[Any], str]], may_miss: Sequence[str], what: str, told_by: str
) -> Iterator[str]:
    if not isinstance(value, list) or not all(isinstance(line, dict) for line in value):
        yield f"Write each {what} as lines of “name: value”, the first after a dash."
        return
    for number, line in enumerate(value, start=1):
        at = f"{what.capitalize()} {number}"
        yield from (f"{at}: “{name}” is not known." for name in line if name not in checks)
        for name, check in checks.items():
            if name not in line:
                if name not in may_miss:
                    yield f"{at}: {name} is missing."
            elif said := check(line[name]):
                yield f"{at}: {name} {said}"
    named = [str(line.get(told_by)) for line in value]
    twice = sorted({name for name in named if named.count(name) > 1})
    yield from (f"{told_by} {name} is there more than once." for name in twice)


def _whole(low: int, high: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        is_number = re.fullmatch(r"-?\d{1,5}", str(value)) and not isinstance(value, bool)
        fits = is_number and low <= int(value) <= high
        return "" if fits else f"must be a whole number from {low} to {high}."

    return check


def _like(form: re.Pattern[str], such_as: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        fits = isinstance(value, str) and form.fullmatch(value)
        return "" if fits else f"must be like {such_as}."

    return check


def _text(value: Any) -> str:
    return "" if isinstance(value, str) and value.strip() else "is empty."


def _teams(value: Any) -> str:
    is_list = isinstance(value, list) and value and all(isinstance(team, str) for team in value)
    return "" if is_list else "must be a list of roles, e.g. [sales]."


def _one_of(words: Sequence[str]) -> Callable[[Any], str]:
    return lambda value: "" if value in words else f"must be one of {', '.join(words)}."


_SESSION: Mapping[str, Callable[[Any], str]] = {
    "key": _like(_KEY, "sales-training"),
    "title": _text,
    "days": _whole(-60, 60),
    "at": _like(_TIME, "10:00"),
    "minutes": _whole(5, 480),
    "teams": _teams,
    "agenda": _text,
}
_REVIEW: Mapping[str, Callable[[Any], str]] = {
    "day": _whole(0, 365),
    "at": _like(_TIME, "09:00"),
    "window": _one_of(WINDOWS),
    "detail": _one_of(DETAILS),
}
_LOOK: Mapping[str, Callable[[Any], str]] = {
    "from_day": _whole(0, 365),
    "until_day": _whole(0, 365),
    "every_hours": _whole(1, 24),
    "window": _one_of(WINDOWS),
}


def _clock(written: str) -> time:
    hours, _, minutes = written.partition(":")
    return time(int(hours), int(minutes))
