"""Step 4, experiment review: results with lift, guardrails, recommendations and the next test."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from plans.commands.monitor_loyalty.facts import is_full, window_of
from plans.commands.shared.experiments import NotRead, find_experiments, readout_table, verdicts
from plans.commands.shared.next_tests import Supply, next_table, next_tests
from plans.commands.shared.readouts import figures_table, guardrail_table, lift_chart, split_table
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import StepResult
from programs.analytics.experiments import read_experiment


def review_experiments(context: StepContext) -> StepResult:
    """Read the tests asked for; without a list, every test that is loaded."""
    data, asked = context.data, context.inputs.get("experiments", [])
    rows: list[dict[str, Any]] = []
    if data.has("experiments"):
        rows = data.engine.experiment_arms(
            data.snapshot("experiments"),
            as_of=window_of(context).current.end,
            purchases=data.find("purchases"),
        ).to_pylist()
        found, unread = find_experiments(
            rows, asked or sorted({row["experiment"] for row in rows}), context.program["experiments"]
        )
    else:
        reason = "No experiment outcomes are loaded; load them on the page Data, Load data."
        found, unread = (), tuple(NotRead(name, reason) for name in asked or ["all"])
    read = tuple(read_experiment(each.test) for each in found)
    members = int(context.outputs["data"]["flows"]["members"]) or None
    suggestions = next_tests(found, read, Supply(members, window_of(context).current.end))
    notes = [f"{each.test.name}: {note}" for each in found for note in each.notes]
    summary = readout_table(read, unread)
    outputs: list[Any] = [replace(summary, note=" ".join([summary.note, *notes]))]
    if read:
        rails, chart = guardrail_table(read), lift_chart(read)
        outputs += [
            split_table(read),
            *([rails] if rails else []),
            *([chart] if chart else []),
            next_table(suggestions),
        ]
        if is_full(context):
            outputs.append(figures_table(read))
    return StepResult(
        values={
            "experiments": verdicts(read, unread),
            "read": len(read),
            "notes": notes,
            "next_tests": [suggestion.values() for suggestion in suggestions],
        },
        outputs=outputs,
    )
