"""Step 6, before distribution: the review checklist is run again."""

from __future__ import annotations

from plans.commands.shared.second_review import review_again
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import StepResult

DELIVERABLES = ("kpis", "health", "backlog")


def review(context: StepContext) -> StepResult:
    return review_again(context, "second-review", DELIVERABLES)
