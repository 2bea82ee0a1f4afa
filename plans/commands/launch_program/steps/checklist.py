"""Step 1, checklist creation: the runbook with owners and due dates, its critical path and its odds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gtm.core.percents import percent_text
from plans.commands.launch_program.answer import of_date
from plans.commands.launch_program.steps.events import versions_of
from plans.commands.launch_program.steps.timetable import (
    NO_SUBSTITUTES,
    Timetable,
    assignments,
    calendar_of,
    loads_of,
    needs_of,
    odds,
    overloaded,
    owner_of,
    timetable,
    verdict,
    way_back,
    worker_of,
)
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Chart, Column, Figure, Metrics, Series, StepResult, Table
from programs.analytics import raci
from programs.analytics.chances import CHANCE, chance_in_words
from programs.analytics.levelling import Load
from programs.analytics.schedule import Forecast, Recovery
from programs.models import RunbookPhase

FREEZE = "content-freeze"
"""The day on which the first approval has to begin: what is approved changes no more without asking again."""


def create_checklist(context: StepContext) -> StepResult:
    """Values: ``due`` (key → date), ``critical_path``, ``late_by``, ``earliest_launch``, ``on_time``."""
    inputs, facts = context.inputs, context.program
    found, chance, back = timetable(inputs, facts), odds(inputs, facts, context.seed), way_back(inputs, facts)
    plan, told = found.schedule, verdict(found, back)
    loads = loads_of(inputs, facts)
    busy = overloaded(loads, inputs, facts)
    return StepResult(
        values={
            "due": found.due,
            "critical_path": found.network.critical_path,
            "working_days": found.network.working_days,
            "levelled_days": plan.working_days,
            "late_by": plan.late_by,
            "days_past": found.days_past,
            "earliest_launch": plan.earliest_launch,
            "on_time": chance.on_time.value,
            "overloaded": [load.worker for load in loads if load.is_over_allocated],
            "runbooks": versions_of(inputs, facts),
            "milestones": _milestones(found),
            "headline": [
                {"label": "Launch date", "value": told},
                {"label": "Probability of making it", "value": chance_in_words(chance.on_time.value)},
                *([{"label": "Too much for one person", "value": busy}] if busy else ()),
            ],
        },
        outputs=[
            of_date(found, chance, told, busy, people_of(found, facts), done=done_of(facts)),
            _figures(found, chance, told, done_of(facts)),
            _gantt(found),
            _runbook(found, facts, versions_of(inputs, facts)),
            _responsibilities(found, facts),
            _loads(found, loads, facts),
            _compressions(found, back),
        ],
    )


def people_of(found: Timetable, facts: Mapping[str, Any]) -> dict[str, str]:
    """Key of a task → who does it, by name."""
    return {row["key"]: (owner_of(row, facts) or {}).get("name", "") for row in found.rows}


def done_of(facts: Mapping[str, Any]) -> set[str]:
    """Keys of the tasks that were done when these facts were gathered."""
    return {key for key, standing in facts.get("standing", {}).items() if standing.get("is_done")}


def _milestones(found: Timetable) -> list[dict[str, Any]]:
    """Days that everybody concerned wants in the calendar: when content is final, and each approval due."""
    approvals = [row for row in found.rows if row["phase"] == RunbookPhase.APPROVAL]
    due = [
        {"key": row["key"], "title": f"{row['name']} due", "day": found.due[row["key"]]} for row in approvals
    ]
    if not approvals:
        return due
    frozen = {
        "key": FREEZE,
        "title": "content freeze",
        "day": min(found.begin[row["key"]] for row in approvals),
    }
    return [frozen, *due]


def _figures(found: Timetable, chance: Forecast, told: str, done: Collection[str]) -> Metrics:
    plan, on_time = found.schedule, chance.on_time
    names = {row["key"]: row["name"] for row in found.rows}
    dates = [
        Figure(
            f"launch-p{p * 100:.0f}",
            f"Launch possible with {percent_text(p, 0)} probability",
            day.isoformat(),
        )
        for p, day in chance.launch_dates.items()
    ]
    return Metrics(
        "schedule",
        "Schedule",
        [
            Figure("late_by", "Late by", plan.late_by, "business days", target="0",
                   definition="from the launch date to the earliest possible launch, on the program's calendar"),
            Figure("earliest_launch", "Earliest possible launch", plan.earliest_launch.isoformat()),
            Figure("on_time", "Probability of making the date", 100 * on_time.value, CHANCE,
                   100 * (on_time.low or 0.0), 100 * (on_time.high or 0.0), on_time.level, on_time.numerator,
                   on_time.denominator, f"beta-PERT durations through the whole network, people one task at a time and not while away, "
                   f"{chance.draws:,} draws"),
            *dates,
            Figure("working_days", "Length of the critical path", found.network.working_days, "business days",
                   definition="expected durations, (optimistic + 4 likely + pessimistic) / 6, as if people were no limit"),
            Figure("levelled_days", "Length with everybody on one task at a time", plan.working_days, "business days",
                   definition="the same tasks, each person's own one after the other"),
            Figure("critical_path", "Critical path",
                   " → ".join(names[key] for key in found.network.critical_path if key not in done) or "nothing is left"),
        ],
        note=f"{told} {NO_SUBSTITUTES}",
    )  # fmt: skip


def _gantt(found: Timetable) -> Chart:
    """Bars from the earliest start to the earliest finish, with the time that is left to the latest finish."""
    plan = found.schedule
    tasks = sorted(plan.tasks, key=lambda task: (task.earliest_start, task.earliest_finish, task.key))
    names = {row["key"]: row["name"] for row in found.rows}
    origin = min([task.earliest_start for task in tasks], default=found.as_of)

    def series(label: str, critical: bool) -> Series:
        chosen = [task if task.is_critical == critical else None for task in tasks]
        return Series(
            label,
            values=[(t.earliest_finish - origin).days + 1.0 if t else None for t in chosen],
            low=[float((t.earliest_start - origin).days) if t else None for t in chosen],
            high=[max((t.latest_finish - origin).days, (t.earliest_finish - origin).days) + 1.0 if t else None
                  for t in chosen],
        )  # fmt: skip

    return Chart(
        "gantt",
        "Gantt chart with the critical path",
        "gantt",
        [names[task.key] for task in tasks],
        [series("on the critical path", True), series("with slack", False)],
        x_label=f"days from {origin.isoformat()}",
        unit="days",
        origin=origin.isoformat(),
        marks=[[plan.launch_date.isoformat(), "launch"]],
        note="A bar runs from the earliest start to the earliest finish, the thin line behind it to the last day "
             f"that keeps the launch on {plan.launch_date}.",
    )  # fmt: skip


def _runbook(found: Timetable, facts: Mapping[str, Any], versions: str) -> Table:
    dated = found.scheduled
    rows = []

    def role_name(slug: str) -> str:
        return facts["roles"][slug]["name"]

    for row in found.rows:
        task, alone = dated.get(row["key"], (None, None))
        owner = owner_of(row, facts)
        by = row.get("outside") or (owner["name"] if owner else "")
        rows.append(
            [row["name"], row["phase"], row["group"], by, role_name(row["responsible"]),
             role_name(row["accountable"]), found.begin[row["key"]], found.due[row["key"]],
             task.expected if task else None, alone.total_slack if alone else None,
             task.margin if task else None, ("yes" if alone.is_critical else "") if alone else "", "yes" if row["is_blocker"] else "",
             ", ".join(needs_of(row, found.rows)), calendar_of(row, facts).country]
        )  # fmt: skip
    columns = (
        Column("name", "Task"),
        Column("phase", "Phase"),
        Column("group", "Group"),
        Column("owner", "Owner"),
        Column("responsible", "Responsible"),
        Column("accountable", "Accountable"),
        Column("begin", "Start by", "date"),
        Column("due", "Due", "date"),
        Column("expected", "Takes", "number", "business days", "(optimistic + 4 likely + pessimistic) / 6"),
        Column(
            "slack",
            "Slack",
            "number",
            "business days",
            "how far it may slip before the whole slips, were people no limit",
        ),
        Column(
            "margin",
            "Margin",
            "number",
            "business days",
            "how far it may slip before the launch date slips, with everybody on one task at a time",
        ),
        Column("critical", "Critical"),
        Column("is_blocker", "Blocks the launch"),
        Column("needs", "After"),
        Column("calendar", "Holidays of"),
    )
    return Table("runbook", "Launch runbook", columns, rows, note=f"From {versions}. {_counted_back(found)}")  # fmt: skip


def _counted_back(found: Timetable) -> str:
    """From which day due dates count back, and why it is not that of the launch."""
    launch = found.schedule.launch_date
    if found.goal >= launch:
        return f"Due dates count back from the launch on {launch}, on the calendar of each owner."
    return (
        f"Due dates count back from {found.goal}, on the calendar of each owner: the days from then to the launch "
        f"on {launch} are kept free, as the launch profile asks for (buffer days)."
    )


def _responsibilities(found: Timetable, facts: Mapping[str, Any]) -> Table:
    cells = raci.matrix(assignments(found.rows))
    roles = sorted({role for row in cells.values() for role in row})
    rows = [[row["name"], *(cells[row["key"]].get(role, "") for role in roles)] for row in found.rows]
    columns = [Column("task", "Task"), *(Column(role, facts["roles"][role]["name"]) for role in roles)]
    return Table("raci", "Who answers for what (RACI)", columns, rows,
                 note="Responsible, accountable (exactly one), consulted, informed.")  # fmt: skip


def _loads(found: Timetable, loads: Sequence[Load], facts: Mapping[str, Any]) -> Table:
    names = {row["key"]: row["name"] for row in found.rows}
    owners = {worker_of(row, facts): owner_of(row, facts) for row in found.rows}
    rows = []
    for load in loads:
        owner = owners[load.worker]
        assert owner is not None, f"{load.worker} works, so it is somebody"
        away = ", ".join(" to ".join(dict.fromkeys(days)) for days in owner.get("away", ()))
        rows.append(
            [owner["name"], load.work, load.available, "yes" if load.is_over_allocated else "", load.at_once,
             away, ", ".join(names[key] for key in load.tasks)]
        )  # fmt: skip
    columns = (
        Column("person", "Person"),
        Column("work", "Work", "number", "business days", "expected durations, by the share of their time"),
        Column(
            "available", "Time", "integer", "business days", "until the launch, less holidays and absences"
        ),
        Column("over", "More work than time"),
        Column(
            "at_once", "Tasks at once", "integer", "", "if each began as early as possible; done one by one"
        ),
        Column("away", "Away"),
        Column("tasks", "Tasks"),
    )
    return Table("loads", "Who has how much to do", columns, rows,
                 note=f"{NO_SUBSTITUTES} An approval that several people may give takes nobody's time here.")  # fmt: skip


def _compressions(found: Timetable, back: Recovery) -> Table:
    names: dict[str, str] = {row["key"]: row["name"] for row in found.rows}
    rows: Sequence[Sequence[Any]] = [
        [names[o.key], o.saves, o.buys, "yes" if o.key in back.needed else ""] for o in back.options
    ]
    columns = (
        Column("task", "Task"),
        Column("saves", "Saves", "number", "business days", "expected less optimistic time"),
        Column("buys", "Brings the launch forward", "number", "business days", "by itself"),
        Column("needed", "Needed to hold the date, or come closest"),
    )
    return Table("compressions", "What compression buys", columns, rows)
