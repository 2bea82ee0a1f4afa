"""Step 13, outcome log: what came of the launch, how ready it was, and whether people answered in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plans.commands.launch_program.answer import of_outcomes
from plans.commands.launch_program.steps.timetable import rows_of
from plans.engine.running.steps import Finished, StepContext
from plans.schemas.outputs import Column, Figure, Metrics, StepResult, Table
from programs.analytics.estimate import MaybeEstimate, Unavailable
from programs.analytics.rates import wilson_rate
from programs.models import RunbookPhase


def log_outcomes(context: StepContext) -> StepResult:
    """Values: ``response_sla`` (share of dated tasks and approvals done in time) and ``readiness``."""
    went = context.outputs["go_live"]
    answered = in_time(context.finished)
    logged = [
        row for row in rows_of(context.inputs, context.program) if row["phase"] == RunbookPhase.MONITORING
    ]
    rows = [[row["name"], *_told(context.outputs.get(row["key"].replace("-", "_")) or {})] for row in logged]
    share = None if isinstance(answered, Unavailable) else answered.value
    return StepResult(
        values={"response_sla": share, "readiness": went["readiness"], "outcomes": rows},
        outputs=[
            of_outcomes(went["launch_date"], went["readiness"], answered, rows),
            Metrics("success", "Success of the launch", [_readiness(went), _sla(answered)]),
            Table("outcomes", "Outcome log", (Column("name", "What"), Column("outcome", "Outcome"), Column("evidence", "Evidence")),
                  rows),
        ],
    )  # fmt: skip


def in_time(finished: Mapping[str, Finished]) -> MaybeEstimate:
    """Share of the finished tasks with a due date that were done by it, with Wilson's interval."""
    kept = [how.finished_at <= how.due_at for how in finished.values() if how.due_at and how.finished_at]
    if not kept:
        return Unavailable("No finished task had a due date.")
    return wilson_rate(sum(kept), len(kept))


def _told(output: Mapping[str, Any]) -> list[str]:
    """What people wrote when they completed the task: the outcome, and what shows it. On the page of a task they
    write one text, which is the outcome."""
    told = {key: value for key, value in output.items() if key != "evidence"}
    shown = "; ".join(str(value) for value in output.get("evidence", {}).values())
    if not told:
        return [shown, ""]
    return ["; ".join(f"{key}: {value}" for key, value in told.items()), shown]


def _readiness(went: Mapping[str, Any]) -> Figure:
    return Figure("readiness", "Launch readiness when it went live", 100 * went["readiness"], "%")


def _sla(answered: MaybeEstimate) -> Figure:
    label, definition = "Answered in time", "finished tasks and approvals with a due date, done by it"
    if isinstance(answered, Unavailable):
        return Figure("response_sla", label, None, definition=definition, unavailable=answered.reason)
    return Figure("response_sla", label, 100 * answered.value, "%", 100 * (answered.low or 0.0),
                  100 * (answered.high or 0.0), answered.level, answered.numerator, answered.denominator, definition)  # fmt: skip
