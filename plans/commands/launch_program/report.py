"""What a launch tells people: the packet its approvers read, how it stands and looks ahead, what holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from gtm.core import clock
from plans.commands.launch_program.answer import of_date
from plans.commands.launch_program.steps.checklist import done_of, people_of
from plans.commands.launch_program.steps.events import alerts_of, first_day, looked_at, page_of, reviews_of
from plans.commands.launch_program.steps.readiness import figures, items, least
from plans.commands.launch_program.steps.timetable import (
    NO_SUBSTITUTES,
    Facts,
    launch_date,
    loads_of,
    odds,
    overloaded,
    rows_of,
    timetable,
    verdict,
    way_back,
)
from plans.commands.launch_program.steps.watching import how_often, looks_table, spans_of
from plans.engine.running.steps import PermanentError, StepContext
from plans.models import Plan, TaskKind
from plans.runs.start import began_on, standing_of
from plans.schemas.outputs import (
    Chart,
    Column,
    Figure,
    Metrics,
    Output,
    Section,
    Series,
    StepResult,
    Table,
    payload_of,
)
from plans.schemas.outputs import Document as DocumentOutput
from plans.selectors import forecasts_of
from programs.analytics.chances import CHANCE, chance_in_words
from programs.analytics.readiness import Readiness, readiness
from programs.models import BEFORE_LAUNCH, RunbookPhase
from programs.selectors import holders_of_roles


def write_packet(context: StepContext) -> StepResult:
    """Raises PermanentError where nothing watches the launch: it would go live unobserved."""
    inputs, facts = context.inputs, context.program
    alerts = alerts_of(inputs, facts)
    if not alerts:
        raise PermanentError(
            "The runbooks of this launch watch nothing.",
            hint="Add alerts to the runbook of this kind of program, then start again.",
        )
    rows = rows_of(inputs, facts)
    day_of = [row for row in rows if row["phase"] == RunbookPhase.DAY_OF]
    due = timetable(inputs, facts).due
    reviews, looks = reviews_of(inputs, facts), how_often(spans_of(inputs, facts))
    watched = [_watched(alert, facts) | {"looked_at": looked_at(alert, reviews, looks)} for alert in alerts]
    return StepResult(
        values={
            "launch_date": launch_date(inputs),
            "channels": inputs["channels"],
            "day_of": [{"key": row["key"], "name": row["name"], "owner": _who(row["responsible"], facts)} for row in day_of],
            "monitoring": watched,
            "headline": [
                {"label": "Launch date", "value": inputs["launch_date"]},
                {"label": "Channels", "value": ", ".join(inputs["channels"])},
                {"label": "Alerts", "value": f"{len(alerts)}, each with an owner and a time to answer"},
            ],
        },
        outputs=[
            _monitoring(watched),
            _responses(alerts, facts),
            _day_of([[row["name"], _who(row["responsible"], facts), due[row["key"]],
                      "yes" if row["is_blocker"] else ""] for row in day_of]),
        ],
    )  # fmt: skip


def _who(role: str, facts: Mapping[str, Any]) -> str:
    return facts["people"].get(role, {}).get("name") or facts["roles"][role]["name"]


def _watched(alert: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    same = ("key", "name", "dashboard", "condition", "response_minutes")
    return {name: alert[name] for name in same} | {
        "alarm": alert.get("threshold", ""),
        "page": page_of(alert, facts),
        "owner": _who(alert["owner"], facts),
        "role": alert["owner"],
    }


def _monitoring(watched: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("name", "Watches"),
        Column("dashboard", "Dashboard"),
        Column("page", "Opens at", "address"),
        Column("condition", "Alarms when"),
        Column(
            "alarm",
            "Limit that is held",
            definition="a breach alarms by itself; without one people look",
        ),
        Column(
            "looked_at",
            "Held against the data",
            definition="days after the launch, and the days before that are measured each time",
        ),
        Column("owner", "Owner"),
        Column("role", "Role"),
        Column("response_minutes", "Time to answer", "integer", "minutes"),
    )
    rows = [[alert[column.key] for column in columns] for alert in watched]
    lost = [alert["dashboard"].partition(",")[0].strip() for alert in watched if not alert["page"]]
    note = (
        f"Nobody has said where these open: {', '.join(lost)}. Enter each under Tooling of the program, e.g. "
        f"“{lost[0].lower()}: https://…”."
        if lost
        else ""
    )
    return Table("monitoring", "Monitoring plan: dashboards and alerts", columns, rows, note)


def _responses(alerts: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> DocumentOutput:
    sections = [
        Section(
            alert["name"],
            (f"{_who(alert['owner'], facts)} answers within {alert['response_minutes']} minutes.",),
            [line.strip() for line in alert["response"].splitlines() if line.strip()],
        )
        for alert in alerts
    ]
    return DocumentOutput("incident_response", "Incident response", sections)


def _day_of(rows: Sequence[Sequence[Any]]) -> Table:
    columns = (
        Column("name", "Check"),
        Column("owner", "Owner"),
        Column("due", "On", "date"),
        Column("is_blocker", "Blocks going live"),
    )
    return Table("day_of", "Day-of checklist", columns, rows)


def today(plan: Plan) -> date:
    """The calendar day where the program is at home."""
    return clock.now().astimezone(ZoneInfo(plan.program.time_zone)).date()


def readiness_of(plan: Plan) -> Readiness:
    """Readiness before go or no-go, with every veto, as the tasks stand now."""
    tasks = {task.key: task for task in plan.tasks.all()}
    done = {key: 1.0 if task.is_done else task.progress / 100 for key, task in tasks.items()}
    waived = {key for key, task in tasks.items() if task.state == "waived"}
    checks = {key: name for key, name in plan.context["checks"].items() if key in tasks}
    return readiness(items(plan.inputs, plan.context, done, waived, checks), minimum=least(plan.context))


def why_not_ready(plan: Plan) -> str | None:
    """What keeps go or no-go from being asked: vetoes, and a launch date that has passed."""
    return " ".join([*_date_passed(plan), *readiness_of(plan).reasons]) or None


def why_not_live(plan: Plan) -> str | None:
    """What keeps the program from going live: it goes live on its date, and on no other day."""
    ahead = (launch_date(plan.inputs) - today(plan)).days
    waits = [f"It goes live on {plan.inputs['launch_date']}, in {ahead} days."] if ahead > 0 else []
    return " ".join([*_date_passed(plan), *waits, *readiness_of(plan).reasons]) or None


def why_not_yet(plan: Plan, key: str) -> str | None:
    """A check of the launch day is made on it, and what came of day 7 is not known before day 7."""
    row = next((row for row in rows_of(plan.inputs, plan.context) if row["key"] == key), None)
    if row is None or row["phase"] in BEFORE_LAUNCH:
        return None
    launch = launch_date(plan.inputs)
    day = first_day(row, launch)
    if today(plan) >= day:
        return None
    after = (day - launch).days
    return f"It begins on {day}, " + (
        "the day of the launch." if not after else f"day {after} of the launch."
    )


def _date_passed(plan: Plan) -> list[str]:
    past = (today(plan) - launch_date(plan.inputs)).days
    if past <= 0:
        return []
    return [
        f"The launch date {plan.inputs['launch_date']} passed {past} days ago: a person has to change it."
    ]


def standing(plan: Plan) -> Sequence[Output]:
    """Readiness and the runbook with the state of each task, as of now."""
    rows = {row["key"]: row for row in rows_of(plan.inputs, plan.context)}
    tasks = plan.tasks.select_related("owner", "agent").order_by("position")
    lines = [
        [
            task.task_id,
            task.name,
            task.stage_name,
            task.owner.name if task.owner else task.agent.name,
            task.due_at,
            task.get_state_display(),
            "yes" if rows.get(task.key, {}).get("is_blocker") or task.kind != TaskKind.HUMAN else "",
            task.held_because or (task.error or {}).get("message", ""),
        ]
        for task in tasks
    ]
    columns = (
        Column("task_id", "No."),
        Column("name", "Task"),
        Column("stage", "Stage"),
        Column("owner", "Owner"),
        Column("due_at", "Due", "datetime"),
        Column("state", "State"),
        Column("is_blocker", "Blocks the launch"),
        Column("why", "Waits because"),
    )
    return [
        figures(readiness_of(plan), least(plan.context)),
        Table("runbook-status", "Runbook: owners, due dates, status", columns, lines),
    ]


# ------------------------------------------------------------------ the date as it looks today

CHECKLIST = "checklist"
"""The task whose answer about the date a look ahead renews."""
SHOWN = ("forecast-days", "runbook-status")
"""Keys of what stands beside that answer: day by day, and task by task."""


def look_ahead(plan: Plan) -> dict[str, Any] | None:
    """Probability of the date with its interval, the earliest launch, what is done, and the answer that stands
    in the place of the checklist's; None when it is live."""
    standing = standing_of(plan)
    if standing["go-live"]["is_done"]:
        return None
    facts = plan.context | {
        "as_of": today(plan).isoformat(),
        "standing": standing,
        "began_on": began_on(plan).isoformat(),
        "holders": holders_of_roles(),
    }
    found, drawn = timetable(plan.inputs, facts), odds(plan.inputs, facts, plan.seed)
    chance = drawn.on_time
    busy = overloaded(loads_of(plan.inputs, facts), plan.inputs, facts)
    told = verdict(found, way_back(plan.inputs, facts))
    return {
        "on_time": chance.value,
        "low": chance.low,
        "high": chance.high,
        "earliest_launch": found.schedule.earliest_launch.isoformat(),
        "late_by": found.schedule.late_by,
        "done": _share_done(plan.inputs, facts),
        "told": f"{told} Probability of making it: {chance_in_words(chance.value)}. {busy}".strip(),
        "answers": CHECKLIST,
        "answer": payload_of(
            of_date(found, drawn, told, busy, people_of(found, facts), done=done_of(facts), shows=SHOWN)
        ),
    }


def _share_done(inputs: Mapping[str, Any], facts: Facts) -> float:
    """Of the work before the launch, in likely days."""
    rows = [row for row in rows_of(inputs, facts) if row["phase"] in BEFORE_LAUNCH]
    done = 0.0
    for row in rows:
        standing = facts["standing"].get(row["key"], {})
        done += row["days"][1] * (1.0 if standing.get("is_done") else standing.get("progress", 0) / 100)
    return done / (sum(row["days"][1] for row in rows) or 1.0)


def standing_and_outlook(plan: Plan) -> Sequence[Output]:
    """What looks found, how the launch looks today, day by day, and the runbook with the state of each task."""
    return [*looks_table(plan), *_outlook(plan), *standing(plan)]


def _outlook(plan: Plan) -> Sequence[Output]:
    """What the looks ahead saw, of each day the last; nothing before the first. A launch that is live has only
    its history."""
    seen = list({one["day"]: one for one in forecasts_of(plan)}.values())
    if not seen:
        return []
    last = seen[-1]
    is_live = any(task.key == "go-live" and task.is_done for task in plan.tasks.all())
    return [
      *([] if is_live else [
        Metrics(
            "forecast",
            f"The launch as seen on {last['day']}",
            [
                Figure("forecast_on_time", "Probability of making the date", 100 * last["on_time"], CHANCE,
                       100 * last["low"], 100 * last["high"], 0.95,
                       definition="what is left of each task, people one task at a time and not while away"),
                Figure("forecast_earliest", "Earliest possible launch", last["earliest_launch"]),
                Figure("forecast_done", "Done of the work before the launch", 100 * last["done"], "%",
                       definition="likely days of what is done, and of shares that people reported"),
            ],
            note=f"{last['told']} {NO_SUBSTITUTES}",
        )]),
        Chart(
            "forecast-days",
            "Probability of the launch date, day by day",
            "line",
            [one["day"] for one in seen],
            [Series("probability", [100 * one["on_time"] for one in seen],
                    low=[100 * one["low"] for one in seen], high=[100 * one["high"] for one in seen])],
            y_label="%",
            unit=CHANCE,
        ),
    ]  # fmt: skip
