"""monitor-loyalty through its public door: a usage line in, a plan out, on a small program in SQLite."""

from datetime import timedelta

import pyarrow as pa
import pytest

from gtm.core.errors import InvalidInput
from plans.models import Breach, Escalation, Plan
from tests.plans.commands.loyalty_program import (
    DAYS,
    LINE,
    START,
    load,
    load_purchases,
    purchases,
    run,
    values,
)


def test_the_usage_line_runs_to_the_strategists_gate(loyalty, tmp_path):
    for kind, table in load_purchases(loyalty, tmp_path).items():
        load(loyalty, tmp_path, kind, table)
    plan = run(LINE)
    found = values(plan)
    assert plan.tasks.get(key="roadmap-validation").state == "awaiting_approval"
    assert found["data"]["dimensions"] == ["tier", "region"]
    assert found["health"]["unavailable"] == {}
    assert found["experiments"]["read"] == 1


def test_sums_over_groups_equal_the_totals(loyalty, tmp_path):
    for kind, table in load_purchases(loyalty, tmp_path).items():
        load(loyalty, tmp_path, kind, table)
    data = values(run(LINE))["data"]
    for name in ("members", "orders", "revenue", "earned", "redeemed"):
        assert sum(group[name] for group in data["groups"]) == pytest.approx(data["flows"][name])


def test_revenue_is_that_of_the_purchases_in_the_window(loyalty, tmp_path):
    load_purchases(loyalty, tmp_path)
    _, times, amounts = purchases()
    end = max(times).replace(hour=0) + timedelta(days=1)
    wanted = sum(a for t, a in zip(times, amounts, strict=True) if t >= end - timedelta(days=30))
    assert values(run(LINE))["data"]["flows"]["revenue"] == pytest.approx(wanted)


def test_without_a_ledger_liability_is_said_to_be_unavailable(loyalty, tmp_path):
    load_purchases(loyalty, tmp_path)
    health = values(run(LINE))["health"]
    assert health["liability"] is None
    assert "load_dataset point_ledger" in health["unavailable"]["liability"]


@pytest.mark.parametrize(
    "more", ["--window 31d", "--detail long", "--dimensions tier,planet", "--alert_threshold nonsense<1"]
)
def test_bad_inputs_are_refused(loyalty, tmp_path, more):
    load_purchases(loyalty, tmp_path)
    with pytest.raises(InvalidInput):
        run(f"/loyalty-lifecycle-orchestration:monitor-loyalty {more}")
    assert not Plan.objects.exists()


def test_one_breach_is_recorded_and_pulls_nothing(loyalty, tmp_path):
    load_purchases(loyalty, tmp_path)
    plan = run(f"{LINE} --alert_threshold retention<0.99")
    assert Breach.objects.filter(rule="alert-retention").count() == 1
    assert not Escalation.objects.exists()
    assert plan.state == "running"


def test_a_second_breach_in_another_period_opens_the_ladder_and_pulls_the_rip_cord(loyalty, tmp_path):
    load_purchases(loyalty, tmp_path)
    run(f"{LINE} --alert_threshold retention<0.99")
    load_purchases(loyalty, tmp_path, shift=7)
    plan = run(f"{LINE} --alert_threshold retention<0.99")
    assert Escalation.objects.filter(plan=plan, trigger="alert-retention").exists()
    assert plan.state != "running"


def test_a_liability_spike_pulls_the_rip_cord_at_once(loyalty, tmp_path):
    world = load_purchases(loyalty, tmp_path)
    ledger = world["point_ledger"]
    late = START + timedelta(days=DAYS - 5)
    spike = ledger.slice(0, 1).to_pylist()[0]
    spike |= {"entry_id": "spike", "entry": "issue", "points": 9_000_000.0, "cost": None}
    spike |= {"posted_at": late, "issued_at": late}
    load(
        loyalty,
        tmp_path,
        "point_ledger",
        pa.concat_tables([ledger, pa.Table.from_pylist([spike], ledger.schema)]),
    )
    plan = run(LINE)
    assert Escalation.objects.filter(plan=plan, trigger="liability-spike").exists()
    assert plan.state != "running"
