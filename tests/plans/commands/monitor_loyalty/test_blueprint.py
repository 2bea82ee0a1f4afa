"""The targets of the approved blueprint are what monitor-loyalty watches."""

from datetime import timedelta

import pytest

from plans.engine.running import runner, steps
from plans.export import document
from plans.schemas.outputs import StepResult
from programs.models import Metric
from programs.services import establish_metrics
from tests.factories import make_run
from tests.plans.commands.loyalty_program import DAYS, START, SUMMARY, load_purchases, purchases, run, values


def repeat_rate_within(days):
    """Of the members whose first purchase is that many days ago, those who bought again within them."""
    times = {}
    for member, at in zip(*purchases()[:2], strict=True):
        times.setdefault(member, []).append(at)
    span, end = timedelta(days=days), START + timedelta(days=DAYS)
    observed = [sorted(found) for found in times.values() if min(found) + span <= end]
    again = sum(any(found[0] < at <= found[0] + span for at in found) for found in observed)
    return pytest.approx(again / len(observed))


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
    metric = next(m for m in document.build(plan)["success_metrics"] if m["key"] == "repeat_rate")
    assert (metric["target"], metric["met"]) == (0.99, False)


def test_limits_that_a_run_names_count_instead(blueprint):
    data = values(run(f"{SUMMARY} --alert_threshold csat<0.1", "data-pull"))["data"]
    assert data["thresholds"] == "csat<0.1"


@pytest.mark.parametrize("window", ["7d", "30d", "quarter"])
def test_a_promised_repeat_rate_is_held_against_its_own_days_whatever_the_window(blueprint, window):
    data = values(run(f"{SUMMARY} --window {window}", "data-pull"))["data"]
    assert data["repeat_rate"] == repeat_rate_within(90)
    assert (data["kpis"]["retention"] == data["repeat_rate"]) is False
    (alert,) = [row for row in data["alerts"] if row["metric"] == "repeat_rate"]
    assert alert["value"] == data["repeat_rate"]


def test_a_registry_that_means_other_days_keeps_the_target_out_and_says_so(blueprint):
    establish_metrics()
    metric = Metric.objects.get(key="loyalty-repeat-rate")
    metric.window = "60 days"
    metric.save()
    data = values(run(SUMMARY, "data-pull"))["data"]
    assert data["thresholds"] == "breakage<0.150000"
    assert data["repeat_rate"] is None
    assert any("of 90 days, that of the registry is of “60 days”" in note for note in data["notes"])
