"""Step 6, the launch packet: day-of checklist and monitoring plan, where communications and enablement meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plans.commands.launch_program.timetable import (
    alerts_of,
    launch_date,
    rows_of,
    timetable,
    versions_of,
)
from plans.engine.running.steps import PermanentError, StepContext
from plans.schemas.outputs import Column, Section, StepResult, Table
from plans.schemas.outputs import Document as DocumentOutput
from programs.models import RunbookPhase


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
    watched = [_watched(alert, facts) for alert in alerts]
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
        evidence={
            "Context7": f"{versions_of(inputs, facts)}.",
            "Sequential Thinking": f"{len(day_of)} checks on the day, {len(alerts)} alerts after it.",
        },
    )  # fmt: skip


def _who(role: str, facts: Mapping[str, Any]) -> str:
    return facts["people"].get(role, {}).get("name") or facts["roles"][role]["name"]


def _watched(alert: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    same = ("key", "name", "dashboard", "condition", "response_minutes")
    return {name: alert[name] for name in same} | {
        "owner": _who(alert["owner"], facts),
        "role": alert["owner"],
    }


def _monitoring(watched: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("name", "Watches"),
        Column("dashboard", "Dashboard"),
        Column("condition", "Alarms when"),
        Column("owner", "Owner"),
        Column("role", "Role"),
        Column("response_minutes", "Time to answer", "integer", "minutes"),
    )
    rows = [[alert[column.key] for column in columns] for alert in watched]
    return Table("monitoring", "Monitoring plan: dashboards and alerts", columns, rows)


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
