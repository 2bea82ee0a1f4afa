"""Step 11, go-live: the day-of checklist confirmed, the program active, and its reviews booked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gtm.core.fsm import perform
from plans.commands.launch_program.readiness import assess_readiness
from plans.commands.launch_program.timetable import launch_date, rows_of
from plans.engine.running.steps import StepContext
from plans.models import Plan, Task
from plans.runs import schedules
from plans.schemas.outputs import Column, StepResult, Table
from programs.models import RunbookPhase

REVIEW_COMMAND = "optimize-referrals"
NOT_YET_ACTIVE = ("draft", "planning")
REVIEWS = (
    (0, time(17), {"window": "7d"}),
    (1, time(9), {"window": "7d"}),
    (7, time(9), {"window": "7d", "detail": "full"}),
    (30, time(9), {"window": "30d", "detail": "full"}),
)
"""Days after the launch, the time of day where the program is at home, and what the review looks at."""


def go_live(context: StepContext) -> StepResult:
    """Values: the readiness it went live with, when, what was confirmed on the day, and the reviews."""
    inputs, facts = context.inputs, context.program
    ready = assess_readiness(context)
    day_of = [row for row in rows_of(inputs, facts) if row["phase"] == RunbookPhase.DAY_OF]
    confirmed = [row["key"] for row in day_of if row["key"] in context.finished]
    reviews = [
        {
            "day": day,
            "at": _moment(launch_date(inputs) + timedelta(days=day), at, facts["time_zone"]),
            "inputs": told,
        }
        for day, at, told in REVIEWS
    ]
    return StepResult(
        values={
            "launch_date": inputs["launch_date"],
            "readiness": ready.values["readiness"],
            "decision": ready.values["decision"],
            "confirmed": confirmed,
            "not_confirmed": [row["key"] for row in day_of if row["key"] not in context.finished],
            "reviews": reviews,
            "activates": facts["state"] in NOT_YET_ACTIVE,
        },
        outputs=[_checks(day_of, context), _reviews(reviews)],
        evidence={"Serena": f"{len(confirmed)} of {len(day_of)} day-of checks confirmed."},
    )


def apply_go_live(plan: Plan, values: Mapping[str, Any]) -> None:
    """Make the program active and book its reviews, each to run once, in the name of who launched it."""
    if plan.program.state in NOT_YET_ACTIVE:
        perform(plan.program, "activate")
    for review in values["reviews"]:
        schedules.book(
            _name(review, plan),
            REVIEW_COMMAND,
            plan.program,
            review["inputs"],
            at=datetime.fromisoformat(review["at"]),
            owner=_account(plan),
        )


def withdraw_go_live(plan: Plan, values: Mapping[str, Any]) -> None:
    """Undo ``apply_go_live`` when the plan is aborted: no review is due any more, and a program that was
    active only by this launch pauses."""
    for review in values["reviews"]:
        schedules.call_off(_name(review, plan))
    if values["activates"] and plan.program.state == "active":
        perform(plan.program, "pause", comment=f"Its launch {plan.plan_id} was aborted.")


def _name(review: Mapping[str, Any], plan: Plan) -> str:
    return f"review-day-{review['day']}-{plan.plan_id}"


def _account(plan: Plan) -> Any:
    """Who launched, else who owns the task of going live: the first who may start plans."""
    owner = Task.objects.select_related("owner").get(plan=plan, key="go-live").owner
    accounts = [plan.requested_by, *(owner.accounts.all() if owner else ())]
    return next((a for a in accounts if a and a.is_active and a.has_perm("plans.operate_plan")), None)


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
    rows = [[r["day"], r["at"], REVIEW_COMMAND, r["inputs"]["window"]] for r in reviews]
    columns = (
        Column("day", "Day", "integer"),
        Column("at", "Due", "datetime"),
        Column("command", "Command"),
        Column("window", "Window"),
    )
    return Table("reviews", "Reviews after launch", columns, rows)
