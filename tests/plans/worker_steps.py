"""Steps of command ``proof`` for a worker in another process: the first run never ends by itself."""

import os
import time
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import Group

from plans.engine.running import steps
from plans.engine.running.steps import StepContext
from plans.models import Plan
from plans.schemas.outputs import Figure, Metrics, StepResult


def runs() -> Path:
    """A line a run: the process that computes it."""
    return Path(settings.GTM_DATA_DIR) / "runs.txt"


def work(context: StepContext) -> StepResult:
    runs().parent.mkdir(parents=True, exist_ok=True)
    with runs().open("a") as lines:
        lines.write(f"{os.getpid()}\n")
    if len(runs().read_text().splitlines()) == 1:
        time.sleep(600)
    return StepResult({"points": 7}, [Metrics("found", "Found", [Figure("points", "Points", 7)])])


def leave_a_mark(plan: Plan, values: dict) -> None:
    Group.objects.create(name=f"effect of {plan.plan_id}")


def sum_up(context: StepContext) -> StepResult:
    return StepResult({"total": context.outputs["found"]["points"]})


steps.register("p:proof", "work", work, leave_a_mark)
steps.register("p:proof", "sum-up", sum_up)
