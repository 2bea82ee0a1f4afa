"""The launch date as it looks today: from what is done, who is away, and who does one thing at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plans.commands.launch_program.report import standing, today
from plans.commands.launch_program.steps.timetable import (
    Facts,
    loads_of,
    odds,
    overloaded,
    rows_of,
    timetable,
    verdict,
    way_back,
)
from plans.models import Plan
from plans.runs.start import standing_of
from plans.schemas.outputs import Chart, Figure, Metrics, Output, Series
from plans.selectors import forecasts_of
from programs.models import BEFORE_LAUNCH
from programs.selectors import holders_of_roles


def look_ahead(plan: Plan) -> dict[str, Any] | None:
    """Probability of the date with its interval, the earliest launch, what is done; None when it is live."""
    standing = standing_of(plan)
    if standing["go-live"]["is_done"]:
        return None
    facts = plan.context | {
        "as_of": today(plan).isoformat(),
        "standing": standing,
        "holders": holders_of_roles(),
    }
    found, chance = timetable(plan.inputs, facts), odds(plan.inputs, facts, plan.seed).on_time
    busy = overloaded(loads_of(plan.inputs, facts), plan.inputs, facts)
    told = verdict(found, way_back(plan.inputs, facts))
    return {
        "on_time": chance.value,
        "low": chance.low,
        "high": chance.high,
        "earliest_launch": found.schedule.earliest_launch.isoformat(),
        "late_by": found.schedule.late_by,
        "done": _share_done(plan.inputs, facts),
        "told": f"{told} Probability of making it: {chance.value:.0%}. {busy}".strip(),
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
    """How the launch looks today, day by day, and the runbook with the state of each task."""
    return [*_outlook(plan), *standing(plan)]


def _outlook(plan: Plan) -> Sequence[Output]:
    """What the looks ahead saw; nothing before the first."""
    seen = forecasts_of(plan)
    if not seen:
        return []
    last = seen[-1]
    return [
        Metrics(
            "forecast",
            f"The launch as seen on {last['day']}",
            [
                Figure("forecast_on_time", "Probability of making the date", 100 * last["on_time"], "%",
                       100 * last["low"], 100 * last["high"], 0.95,
                       definition="what is left of each task, people one task at a time and not while away"),
                Figure("forecast_earliest", "Earliest possible launch", last["earliest_launch"]),
                Figure("forecast_done", "Done of the work before the launch", 100 * last["done"], "%",
                       definition="likely days of what is done, and of shares that people reported"),
            ],
            note=last["told"],
        ),
        Chart(
            "forecast-days",
            "Probability of the launch date, day by day",
            "line",
            [one["day"] for one in seen],
            [Series("probability", [100 * one["on_time"] for one in seen],
                    low=[100 * one["low"] for one in seen], high=[100 * one["high"] for one in seen])],
            y_label="%",
            unit="%",
        ),
    ]  # fmt: skip
