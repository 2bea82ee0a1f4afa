"""How a launch stands now, from its rows: what holds it, and the runbook with owners, due dates and states."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from gtm.core import clock
from plans.commands.launch_program.readiness import MINIMUM, figures, items
from plans.commands.launch_program.timetable import launch_date, rows_of
from plans.models import Plan, TaskKind
from plans.schemas.outputs import Column, Output, Table
from programs.analytics.readiness import Readiness, readiness


def today(plan: Plan) -> date:
    """The calendar day where the program is at home."""
    return clock.now().astimezone(ZoneInfo(plan.program.time_zone)).date()


def readiness_of(plan: Plan) -> Readiness:
    """Readiness before go or no-go, with every veto, as the tasks stand now."""
    tasks = {task.key: task for task in plan.tasks.all()}
    done = {key: 1.0 if task.is_done else task.progress / 100 for key, task in tasks.items()}
    waived = {key for key, task in tasks.items() if task.state == "waived"}
    checks = {key: name for key, name in plan.context["checks"].items() if key in tasks}
    return readiness(items(plan.inputs, plan.context, done, waived, checks), minimum=MINIMUM)


def why_not_ready(plan: Plan) -> str | None:
    """What keeps go or no-go from being asked: vetoes, and a launch date that has passed."""
    return " ".join([*_date_passed(plan), *readiness_of(plan).reasons]) or None


def why_not_live(plan: Plan) -> str | None:
    """What keeps the program from going live: it goes live on its date, and on no other day."""
    ahead = (launch_date(plan.inputs) - today(plan)).days
    waits = [f"It goes live on {plan.inputs['launch_date']}, in {ahead} days."] if ahead > 0 else []
    return " ".join([*_date_passed(plan), *waits, *readiness_of(plan).reasons]) or None


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
        figures(readiness_of(plan)),
        Table("runbook-status", "Runbook: owners, due dates, status", columns, lines),
    ]
