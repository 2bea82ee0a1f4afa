"""Step 11, go-live: the day-of checklist confirmed, the program active, and its reviews booked."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from plans.commands.launch_program.answer import of_live
from plans.commands.launch_program.steps.events import REVIEW_COMMAND, limits_of, reviews_of
from plans.commands.launch_program.steps.readiness import assess_readiness
from plans.commands.launch_program.steps.timetable import launch_date, rows_of
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Column, StepResult, Table
from programs.models import UNLAUNCHED_PROGRAM_STATES, RunbookPhase


def go_live(context: StepContext) -> StepResult:
    """Values: the readiness it went live with, when, what was confirmed on the day, and the reviews."""
    inputs, facts = context.inputs, context.program
    ready = assess_readiness(context)
    day_of = [row for row in rows_of(inputs, facts) if row["phase"] == RunbookPhase.DAY_OF]
    confirmed = [row["key"] for row in day_of if row["key"] in context.finished]
    limits = limits_of(inputs, facts)
    reviews = [
        {
            "day": review.day,
            "at": _moment(launch_date(inputs) + timedelta(days=review.day), review.at, facts["time_zone"]),
            "inputs": review.inputs | ({"alert_threshold": limits} if limits else {}),
        }
        for review in reviews_of(inputs, facts)
    ]
    return StepResult(
        values={
            "launch_date": inputs["launch_date"],
            "readiness": ready.values["readiness"],
            "decision": ready.values["decision"],
            "confirmed": confirmed,
            "not_confirmed": [row["key"] for row in day_of if row["key"] not in context.finished],
            "reviews": reviews,
            "activates": facts["state"] in UNLAUNCHED_PROGRAM_STATES,
        },
        outputs=[
            of_live(
                inputs["launch_date"],
                ready.values["readiness"],
                [row["name"] for row in day_of if row["key"] not in context.finished],
                [review.day for review in reviews_of(inputs, facts)],
            ),
            _checks(day_of, context),
            _reviews(reviews),
        ],
    )


def _moment(day: Any, at: time, zone: str) -> str:
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC).isoformat()


def _checks(day_of: list[Any], context: StepContext) -> Table:
    rows = [
        [row["name"], "confirmed" if row["key"] in context.finished else "not confirmed",
         context.finished[row["key"]].finished_at if row["key"] in context.finished else None]
        for row in day_of
    ]  # fmt: skip
    columns = (Column("name", "Check"), Column("state", "State"), Column("at", "At", "datetime"))
    return Table("go_live_checks", "Day-of checklist as confirmed", columns, rows)


def _reviews(reviews: list[dict[str, Any]]) -> Table:
    rows = [
        [r["day"], r["at"], REVIEW_COMMAND, r["inputs"]["window"], r["inputs"].get("alert_threshold", "")]
        for r in reviews
    ]
    columns = (
        Column("day", "Day", "integer"),
        Column("at", "Due", "datetime"),
        Column("command", "Command"),
        Column("window", "Window"),
        Column("limits", "Alarms of the monitoring plan"),
    )
    return Table("reviews", "Reviews after launch", columns, rows)
