"""When a launch's tasks are due: the runbooks of its channels, scheduled backward from the launch date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from gtm.core.later import later
from gtm.core.places.calendars import WorkingCalendar
from plans.schemas.inputs import PATTERN, PIPELINE
from programs.analytics.raci import Assignment
from programs.models import BEFORE_LAUNCH, RunbookPhase

if TYPE_CHECKING:
    import numpy as np

    from programs.analytics import schedule as scheduling
    from programs.analytics import task_network
    from programs.analytics.schedule import DatedNetwork, Forecast, Recovery, ScheduledTask
    from programs.analytics.task_network import NetworkTask
else:
    np = later("numpy")
    scheduling = later("programs.analytics.schedule")
    task_network = later("programs.analytics.task_network")

APPROVALS = ("legal-approval", "finance-approval", "partner-approval")
GO_NO_GO = "go-no-go"

Facts = Mapping[str, Any]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Timetable:
    """``rows``: the runbook's tasks in order; ``due`` and ``begin``: the last days to finish and to start."""

    rows: tuple[Row, ...]
    schedule: DatedNetwork
    due: Mapping[str, date]
    begin: Mapping[str, date]
    as_of: date

    @property
    def scheduled(self) -> Mapping[str, ScheduledTask]:
        return {task.key: task for task in self.schedule.tasks}

    @property
    def days_past(self) -> int:
        """Calendar days by which the launch date lies in the past."""
        return max((self.as_of - self.schedule.launch_date).days, 0)

    @property
    def is_late(self) -> bool:
        return self.schedule.late_by > 0 or self.days_past > 0


def rows_of(inputs: Mapping[str, Any], facts: Facts) -> tuple[Row, ...]:
    """The tasks of every launch, then those that the chosen channels add."""
    runbooks = facts["runbooks"]
    chosen = [runbooks[channel] for channel in ("", *inputs["channels"]) if channel in runbooks]
    return tuple(task for runbook in chosen for task in runbook["tasks"])


def alerts_of(inputs: Mapping[str, Any], facts: Facts) -> tuple[Row, ...]:
    """The lines of the monitoring plan, in the same order."""
    runbooks = facts["runbooks"]
    chosen = [runbooks[channel] for channel in ("", *inputs["channels"]) if channel in runbooks]
    return tuple(alert for runbook in chosen for alert in runbook["alerts"])


def versions_of(inputs: Mapping[str, Any], facts: Facts) -> str:
    """Which runbooks in which versions the run follows, in words."""
    runbooks = facts["runbooks"]
    return ", ".join(
        f"{runbooks[channel]['title']} v{runbooks[channel]['version']}"
        for channel in ("", *inputs["channels"])
        if channel in runbooks
    )


def timetable(inputs: Mapping[str, Any], facts: Facts) -> Timetable:
    """Raises ScheduleError naming every unknown or circular need and impossible estimate."""
    rows, launch, as_of = rows_of(inputs, facts), launch_date(inputs), date.fromisoformat(facts["as_of"])
    found = scheduling.schedule(
        network(rows, facts, in_a_row=is_in_a_row(inputs)),
        start=as_of,
        launch=launch,
        calendar=program_calendar(facts),
    )
    due = {task.key: task.latest_finish for task in found.tasks}
    begin = {task.key: task.latest_start for task in found.tasks}
    for row in rows:
        if row["phase"] not in BEFORE_LAUNCH:
            day = launch + timedelta(days=row["days_after_launch"] or 0)
            due[row["key"]] = begin[row["key"]] = calendar_of(row, facts).next_business_day(day)
    return Timetable(rows, found, due, begin, as_of)


def odds(inputs: Mapping[str, Any], facts: Facts, seed: int) -> Forecast:
    """What the spread of the estimates does to the launch date."""
    return scheduling.forecast(**_question(inputs, facts), generator=np.random.default_rng(seed))


def way_back(inputs: Mapping[str, Any], facts: Facts) -> Recovery:
    """Which tasks to compress so that the date holds, or comes closest."""
    return scheduling.recovery(**_question(inputs, facts))


def _question(inputs: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    return {
        "tasks": network(rows_of(inputs, facts), facts, in_a_row=is_in_a_row(inputs)),
        "start": date.fromisoformat(facts["as_of"]),
        "launch": launch_date(inputs),
        "calendar": program_calendar(facts),
    }


def is_in_a_row(inputs: Mapping[str, Any]) -> bool:
    """Whether the run chose the pipeline, where a phase waits for all of those before it."""
    return inputs.get(PATTERN.name) == PIPELINE


def network(rows: Sequence[Row], facts: Facts, *, in_a_row: bool = False) -> list[NetworkTask]:
    """The tasks before the launch with what each waits for. What is done takes no more time."""
    standing = facts.get("standing", {})
    return [
        task_network.NetworkTask(
            row["key"],
            *_estimates(row, standing.get(row["key"], {})),
            calendar=calendar_of(row, facts),
            needs=tuple(dict.fromkeys((*needs_of(row, rows), *(earlier_of(row, rows) if in_a_row else ())))),
        )
        for row in rows
        if row["phase"] in BEFORE_LAUNCH
    ]


def _estimates(row: Row, standing: Mapping[str, Any]) -> tuple[float, float, float]:
    """Optimistic, likely and pessimistic, in business days."""
    optimistic, likely, pessimistic = (0, 0, 0) if standing.get("is_done") else row["days"]
    return optimistic, likely, pessimistic


def needs_of(row: Row, rows: Sequence[Row]) -> tuple[str, ...]:
    """What a task waits for: what its row names, and for an approval what is to be approved."""
    needs = dict.fromkeys(row["needs"])
    if row["phase"] == RunbookPhase.APPROVAL:
        keys = {r["key"] for r in rows}
        needs |= dict.fromkeys(blockers(rows, RunbookPhase.COMMUNICATIONS, RunbookPhase.ENABLEMENT))
        if row["key"] == GO_NO_GO:
            needs |= dict.fromkeys(
                [*blockers(rows, RunbookPhase.TOOLING), *(k for k in APPROVALS if k in keys)]
            )
    return tuple(needs)


def earlier_of(row: Row, rows: Sequence[Row]) -> list[str]:
    """Keys of the tasks of the phases before that of a task."""
    phases = [phase.value for phase in BEFORE_LAUNCH]
    return [r["key"] for r in rows if r["phase"] in phases[: phases.index(row["phase"])]]


def blockers(rows: Sequence[Row], *phases: str) -> list[str]:
    """Keys of the tasks of these phases without which there is no launch."""
    return [row["key"] for row in rows if row["is_blocker"] and row["phase"] in phases]


def launch_date(inputs: Mapping[str, Any]) -> date:
    return date.fromisoformat(inputs["launch_date"])


def program_calendar(facts: Facts) -> WorkingCalendar:
    week = facts.get("working_week", "")
    return WorkingCalendar(
        facts["country"],
        facts.get("subdivision", ""),
        facts["time_zone"],
        weekdays=frozenset(map(int, week)) if week else None,
    )


def calendar_of(row: Row, facts: Facts) -> WorkingCalendar:
    """Where whoever does the task works: its owner, else who holds the role, else the program."""
    owner = facts.get("standing", {}).get(row["key"], {}).get("owner") or facts["people"].get(
        row["responsible"]
    )
    if owner is None:
        return program_calendar(facts)
    return WorkingCalendar(owner["country"], owner["subdivision"], owner["time_zone"])


def verdict(found: Timetable, back: Recovery) -> str:
    """Whether the date can be made, how late it is otherwise, and what to compress; one or two sentences."""
    plan = found.schedule
    if not found.is_late:
        return f"{plan.launch_date} can be made: the earliest possible launch is {plan.earliest_launch}."
    past = f" lies {found.days_past} days back and" if found.days_past else ""
    late = (
        f"The launch date {plan.launch_date}{past} is late by {plan.late_by} business days: "
        f"the earliest possible launch is {plan.earliest_launch}."
    )
    names = {row["key"]: row["name"] for row in found.rows}
    needed = ", ".join(names[key] for key in back.needed)
    if not needed:
        return f"{late} Nothing can be compressed: change the launch date."
    if back.late_by:
        return (
            f"{late} Even with {needed} in their optimistic time it is {back.earliest_launch}: "
            "change the launch date."
        )
    return f"{late} Doing {needed} in their optimistic time holds the date."


def assignments(rows: Sequence[Row]) -> list[Assignment]:
    """The responsibility matrix of the runbook, a letter each."""
    return [
        Assignment(row["key"], role, letter)
        for row in rows
        for letter, roles in (
            ("R", [row["responsible"]]),
            ("A", [row["accountable"]]),
            ("C", row["consulted"]),
            ("I", row["informed"]),
        )
        for role in roles
    ]
