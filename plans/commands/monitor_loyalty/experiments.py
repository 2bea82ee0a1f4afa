"""Step 4, experiment review: results with lift, guardrails and recommendations."""

from __future__ import annotations

from plans.commands.monitor_loyalty.pull import window_of
from plans.commands.monitoring.experiments import NotRead, read_experiments, readout_table, verdicts
from plans.engine.steps import StepContext
from plans.schemas.outputs import StepResult


def review_experiments(context: StepContext) -> StepResult:
    """Read the tests asked for; without a list, every test that is loaded."""
    data, asked = context.data, context.inputs.get("experiments", [])
    rows = []
    if data.has("experiments"):
        rows = data.engine.experiment_arms(
            data.snapshot("experiments"), as_of=window_of(context).current.end
        ).to_pylist()
        asked = asked or sorted({row["experiment"] for row in rows})
        read, unread = read_experiments(rows, asked)
    else:
        reason = "No experiment outcomes are loaded; load them with load_dataset experiments."
        read, unread = (), tuple(NotRead(name, reason) for name in asked or ["all"])
    found = verdicts(read, unread)
    return StepResult(
        values={"experiments": found, "read": len(read)},
        outputs=[readout_table(read, unread)],
        evidence={"Sequential Thinking": f"{len(read)} tests read, {len(unread)} not."},
    )
