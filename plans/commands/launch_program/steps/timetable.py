"""When a launch's tasks are due: the runbooks of its channels, scheduled backward from the launch date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from gtm.core.later import later
from gtm.core.places.calendars import AnyOf, WithAbsences, WorkingCalendar
from plans.commands.launch_program.steps.events import first_day
from plans.commands.launch_program.steps.languages import proof_readings
from plans.schemas.inputs import PATTERN, PIPELINE
from programs.analytics.raci import Assignment
from programs.models import APPROVALS, BEFORE_LAUNCH, GO_NO_GO, RunbookPhase

if TYPE_CHECKING:
    import numpy as np

    from programs.analytics import levelling, task_network
    from programs.analytics import schedule as scheduling
    from programs.analytics.levelling import Load
    from programs.analytics.schedule import DatedNetwork, Forecast, Recovery, ScheduledTask
    from programs.analytics.task_network import NetworkTask
else:
    np = later("numpy")
    levelling = later("programs.analytics.levelling")
    scheduling = later("programs.analytics.schedule")
    task_network = later("programs.analytics.task_network")

COVERED_BY = {
    "legal-approval": "exec-sponsor",
    "finance-approval": "exec-sponsor",
    "partner-approval": "partner-ops",
}
"""Of the gates of every launch; a gate of the runbook's own has the substitute that its row names."""

NO_SUBSTITUTES = (
    "Nobody is taken to stand in for an owner who is away: the task waits until the owner is back. Give the task "
    "to somebody else, and the date moves."
)
"""What every page that tells the chances of a date says of absences."""

Facts = Mapping[str, Any]
Row = Mapping[str, Any]
Calendar = WorkingCalendar | WithAbsences | AnyOf


@dataclass(frozen=True, slots=True)
class Timetable:
    """``rows``: the runbook's tasks in order; ``due`` and ``begin``: the last days to finish and to start.

    ``schedule`` has everybody on one task at a time; ``network`` is the same as if people were no limit: its
    critical path and slack are those of the tasks alone.
    """

    rows: tuple[Row, ...]
    schedule: DatedNetwork
    network: DatedNetwork
    due: Mapping[str, date]
    begin: Mapping[str, date]
    as_of: date
    goal: date

    @property
    def scheduled(self) -> Mapping[str, tuple[ScheduledTask, ScheduledTask]]:
        """Key → the task with one thing at a time, and in the network alone."""
        alone = {task.key: task for task in self.network.tasks}
        return {task.key: (task, alone[task.key]) for task in self.schedule.tasks}

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
    tasks = [task for runbook in chosen for task in runbook["tasks"]]
    own = {task["key"] for task in tasks}
    return (*tasks, *(row for row in proof_readings(_profile(facts)) if row["key"] not in own))


def approvals_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """The gates before go or no-go: those of every launch, then those that the runbooks add."""
    own = (row["key"] for row in rows if row["phase"] == RunbookPhase.APPROVAL)
    return tuple(dict.fromkeys((*APPROVALS, *(key for key in own if key != GO_NO_GO))))


def covered_by(row: Row) -> str:
    """Who decides where everybody of the approval's own role is away."""
    return COVERED_BY.get(row["key"]) or row.get("substitute") or ""


def overloaded(loads: Sequence[Load], inputs: Mapping[str, Any], facts: Facts) -> str:
    """Who has more to do than time, and who else could do it; empty where nobody has."""
    names, told = names_of(rows_of(inputs, facts), facts), []
    for load in loads:
        if load.is_over_allocated and load.available:
            told.append(
                f"{names[load.worker]} has {load.work:.1f} days of work in {load.available} working days "
                f"before the launch."
            )
    return " ".join(told)


def names_of(rows: Sequence[Row], facts: Facts) -> dict[str, str]:
    """The name of everybody whose time is taken."""
    owners = ((worker_of(row, facts), owner_of(row, facts)) for row in rows)
    return {worker: owner["name"] for worker, owner in owners if worker and owner}


def timetable(inputs: Mapping[str, Any], facts: Facts) -> Timetable:
    """Raises ScheduleError naming every unknown or circular need and impossible estimate."""
    rows, launch, as_of = rows_of(inputs, facts), launch_date(inputs), date.fromisoformat(facts["as_of"])
    question = _in_turn(inputs, facts)
    found = scheduling.schedule(**question)
    goal = goal_of(inputs, facts, found.earliest_launch)
    alone = scheduling.schedule(**_question(inputs, facts))
    early = scheduling.schedule(**question | {"launch": goal})
    due = {task.key: task.latest_finish for task in early.tasks}
    begin = {task.key: task.latest_start for task in early.tasks}
    for row in rows:
        if row["phase"] not in BEFORE_LAUNCH:
            day = launch + timedelta(days=row["days_after_launch"] or 0)
            # What has to be done on the launch day is due on it, whoever has a holiday.
            is_on_the_day = row["phase"] == RunbookPhase.DAY_OF and day == launch
            works = calendar_of(row, facts).next_business_day
            due[row["key"]] = day if is_on_the_day else works(day)
            begin[row["key"]] = day if is_on_the_day else works(first_day(row, launch))
    return Timetable(rows, found, alone, due, begin, as_of, goal)


def goal_of(inputs: Mapping[str, Any], facts: Facts, earliest: date) -> date:
    """The day by which everything is to be done: the launch date less the buffer of the launch profile, or
    less what the time allows of it. A launch that can be ``earliest`` on that day has nothing due before.
    """
    launch = launch_date(inputs)
    buffered = program_calendar(facts).add_business_days(launch, -_profile(facts).get("buffer_days", 0))
    return max(buffered, min(earliest, launch))


def closed_day(inputs: Mapping[str, Any], facts: Facts) -> str:
    """Why nobody works on the launch date, with the nearest days that work; empty where it is a working day."""
    day, calendar = launch_date(inputs), program_calendar(facts)
    if calendar.is_business_day(day):
        return ""
    before, after = calendar.add_business_days(day, -1), calendar.next_business_day(day)
    return (
        f"{day} is {calendar.why_closed(day)} where the program is at home. "
        f"The nearest days that work are {before} and {after}."
    )


def loads_of(inputs: Mapping[str, Any], facts: Facts) -> list[Load]:
    """Who has how much to do before the launch, and how much time for it."""
    return levelling.loads(**_question(inputs, facts))


def odds(inputs: Mapping[str, Any], facts: Facts, seed: int) -> Forecast:
    """What the spread of the estimates does to the launch date."""
    return scheduling.forecast(**_question(inputs, facts), generator=np.random.default_rng(seed))


def way_back(inputs: Mapping[str, Any], facts: Facts) -> Recovery:
    """Which tasks to compress so that the date holds, or comes closest."""
    return scheduling.recovery(**_in_turn(inputs, facts))


def _in_turn(inputs: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    """The question with everybody's tasks one after the other."""
    question = _question(inputs, facts)
    return question | {"tasks": levelling.levelled(**question)}


def _question(inputs: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    return {
        "tasks": network(rows_of(inputs, facts), facts, launch_date(inputs), in_a_row=is_in_a_row(inputs)),
        "start": date.fromisoformat(facts["as_of"]),
        "launch": launch_date(inputs),
        "calendar": program_calendar(facts),
    }


def is_in_a_row(inputs: Mapping[str, Any]) -> bool:
    """Whether the run chose the pipeline, where a phase waits for all of those before it."""
    return inputs.get(PATTERN.name) == PIPELINE


def network(rows: Sequence[Row], facts: Facts, launch: date, *, in_a_row: bool = False) -> list[NetworkTask]:
    """The tasks before the launch with what each waits for. What is done takes no more time."""
    standing = facts.get("standing", {})
    tasks = []
    for row in rows:
        if row["phase"] not in BEFORE_LAUNCH:
            continue
        needs = dict.fromkeys((*needs_of(row, rows), *(earlier_of(row, rows) if in_a_row else ())))
        tasks.append(
            task_network.NetworkTask(
                row["key"],
                *_estimates(row, standing.get(row["key"], {}), _share(row, facts)),
                calendar=calendar_of(row, facts),
                needs=tuple(needs),
                worker=worker_of(row, facts),
                **_holds_back(row, needs, facts, launch),
            )
        )
    return tasks


def _estimates(row: Row, standing: Mapping[str, Any], share: float) -> tuple[float, float, float]:
    """Optimistic, likely and pessimistic, in business days: what is left, by somebody with a share of theirs."""
    left = 0.0 if standing.get("is_done") else 1 - standing.get("progress", 0) / 100
    optimistic, likely, pessimistic = (days * left / share for days in row["days"])
    return optimistic, likely, pessimistic


def _share(row: Row, facts: Facts) -> float:
    return 1.0 if row.get("outside") else _profile(facts).get("shares", {}).get(row["responsible"], 1.0)


def _holds_back(row: Row, needs: Iterable[str], facts: Facts, launch: date) -> dict[str, Any]:
    """The wait before a task and the day before which it does not begin; what is done has both behind it."""
    if facts.get("standing", {}).get(row["key"], {}).get("is_done"):
        return {}
    days = row.get("not_before_days")
    wait = row.get("wait_days", 0.0)
    return {
        "wait": max(wait - _waited(row, needs, facts), 0.0) if wait else 0.0,
        "not_before": None if days is None else launch - timedelta(days=days),
    }


def _waited(row: Row, needs: Iterable[str], facts: Facts) -> int:
    """Business days of the wait that are over: since the day after the last need was done, or since the plan
    began where there is none. While a need is open the wait has not begun."""
    standing, as_of = facts.get("standing", {}), date.fromisoformat(facts["as_of"])
    done_on = [standing.get(need, {}).get("done_on", "") for need in needs]
    if not all(done_on):
        return 0
    if done_on:
        first = max(map(date.fromisoformat, done_on)) + timedelta(days=1)
    else:
        first = date.fromisoformat(facts.get("began_on") or facts["as_of"])
    calendar = calendar_of(row, facts)
    return sum(calendar.is_business_day(first + timedelta(days=n)) for n in range((as_of - first).days))


def _profile(facts: Facts) -> Mapping[str, Any]:
    return facts.get("launch") or {}


def needs_of(row: Row, rows: Sequence[Row]) -> tuple[str, ...]:
    """What a task waits for: what its row names, and for an approval what is to be approved."""
    needs = dict.fromkeys(row["needs"])
    if row["phase"] == RunbookPhase.APPROVAL:
        needs |= dict.fromkeys(reviews_of(row["responsible"], rows))
        keys = {r["key"] for r in rows}
        needs |= dict.fromkeys(blockers(rows, RunbookPhase.COMMUNICATIONS, RunbookPhase.ENABLEMENT))
        if row["key"] == GO_NO_GO:
            needs |= dict.fromkeys(
                [*blockers(rows, RunbookPhase.TOOLING), *(k for k in approvals_of(rows) if k in keys)]
            )
    return tuple(needs)


def reviews_of(role: str, rows: Sequence[Row]) -> list[str]:
    """What the role itself has to look at first: nobody approves before their own review is done."""
    looked_at = (RunbookPhase.TOOLING, RunbookPhase.COMMUNICATIONS, RunbookPhase.ENABLEMENT)
    return [key for key in blockers(rows, *looked_at) if _by_key(rows, key)["responsible"] == role]


def _by_key(rows: Sequence[Row], key: str) -> Row:
    return next(row for row in rows if row["key"] == key)


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


def owner_of(row: Row, facts: Facts) -> Mapping[str, Any] | None:
    """Who does the task: its owner, else who holds the role."""
    owner = facts.get("standing", {}).get(row["key"], {}).get("owner")
    if owner is None:
        owner = next(iter(_holders(row["responsible"], facts)), None) or facts["people"].get(
            row["responsible"]
        )
    return owner


def worker_of(row: Row, facts: Facts) -> str:
    """Whose time the task takes; nobody's where it is done outside, or where several may decide."""
    if row.get("outside") or len(_deciders(row, facts)) > 1:
        return ""
    owner = owner_of(row, facts)
    return str(owner.get("person", owner["name"])) if owner else ""


def calendar_of(row: Row, facts: Facts) -> Calendar:
    """Where whoever does the task works, less their absences: its owner, else who holds the role, else the
    program. An approval is given by whoever of the role is there."""
    if row.get("outside"):
        return program_calendar(facts)
    deciders = _deciders(row, facts)
    if len(deciders) > 1:
        return AnyOf(tuple(_calendar(person) for person in deciders))
    owner = owner_of(row, facts)
    return _calendar(owner) if owner else program_calendar(facts)


def _deciders(row: Row, facts: Facts) -> Sequence[Mapping[str, Any]]:
    if row["phase"] != RunbookPhase.APPROVAL:
        return ()
    roles = filter(None, (row["responsible"], covered_by(row)))
    found = {person["person"]: person for role in roles for person in _holders(role, facts)}
    return list(found.values())


def _holders(role: str, facts: Facts) -> Sequence[Mapping[str, Any]]:
    """Plans of before this was kept know none."""
    return facts.get("holders", {}).get(role, ())


def calendars_by_email(facts: Facts) -> dict[str, Calendar]:
    """When everybody who holds a role works."""
    people = (person for held in facts.get("holders", {}).values() for person in held)
    return {person["email"]: _calendar(person) for person in people if "email" in person}


def _calendar(person: Mapping[str, Any]) -> WorkingCalendar | WithAbsences:
    place = WorkingCalendar(person["country"], person["subdivision"], person["time_zone"])
    away = tuple((date.fromisoformat(a), date.fromisoformat(b)) for a, b in person.get("away", ()))
    return WithAbsences(place, away) if away else place


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
