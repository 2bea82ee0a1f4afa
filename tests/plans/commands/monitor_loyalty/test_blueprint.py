"""The targets of the approved blueprint are what monitor-loyalty watches."""

import pytest

from plans.engine.running import runner, steps
from plans.export import document
from plans.schemas.outputs import StepResult
from tests.factories import make_run
from tests.plans.commands.loyalty_program import SUMMARY, load_purchases, run, values


def kpi(key, threshold):
    return {"key": key, "label": key, "unit": "%", "baseline": threshold, "threshold": threshold,
            "comparator": "≥", "owner": "finance"}  # fmt: skip


@pytest.fixture
def blueprint(loyalty, tmp_path, monkeypatch):
    """A blueprint of the program that was approved and published; only its packet is of interest here."""
    load_purchases(loyalty, tmp_path)
    assert "repeat_rate" not in values(run(SUMMARY, "data-pull"))["data"]["thresholds"]
    plan = make_run(program=loyalty).plan
    packet = plan.tasks.get(key="sum-up")
    packet.output_var = "packet"
    packet.save()
    kpis = [kpi("repeat_rate", 0.99), kpi("redemption_rate", 0.85), kpi("roi", None)]
    monkeypatch.setattr(steps, "_steps", dict(steps._steps))
    for key in ("work", "sum-up"):
        steps.register("p:proof", key, lambda context: StepResult({"kpis": kpis}))
    while task := plan.tasks.filter(state="ready").first():
        assert runner.run_task(task.pk, "worker") == "succeeded"
    plan.refresh_from_db()
    plan.plugin, plan.command = "loyalty-lifecycle-orchestration", "plan-loyalty"
    plan.save()
    return plan


def test_its_targets_are_watched_and_missed_targets_alarm(blueprint):
    plan = run(SUMMARY, "data-pull")
    data = values(plan)["data"]
    assert "repeat_rate<0.990000" in data["thresholds"] and "breakage<0.150000" in data["thresholds"]
    assert any(blueprint.plan_id in note for note in data["notes"])
    (alert,) = [row for row in data["alerts"] if row["metric"] == "repeat_rate"]
    assert alert["verdict"] == "breached"
    metric = next(m for m in document.build(plan)["success_metrics"] if m["key"] == "retention")
    assert metric["actual"] == data["kpis"]["retention"]


def test_limits_that_a_run_names_count_instead(blueprint):
    data = values(run(f"{SUMMARY} --alert_threshold csat<0.1", "data-pull"))["data"]
    assert data["thresholds"] == "csat<0.1"
