"""monitor-loyalty through its public door: a usage line in, a plan out, on a small program in SQLite."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gtm.core.errors import InvalidInput
from plans.commands import base
from plans.engine import runner
from plans.models import Breach, Escalation, Plan, Task
from programs.datasets.worlds.loyalty_world import build_loyalty_world
from programs.services import load_dataset
from tests.factories import PersonFactory, ProgramFactory

LINE = (
    '/loyalty-lifecycle-orchestration:monitor-loyalty --window 30d --detail full --dimensions "tier,region"'
)
START, DAYS = datetime(2025, 1, 1, tzinfo=UTC), 300


@pytest.fixture
def program(acting):
    PersonFactory(roles=["member-insights-analyst"])
    PersonFactory(roles=["loyalty-strategist"])
    PersonFactory(roles=["exec-sponsor"])
    return ProgramFactory(is_default=True)


def purchases(seed=1, members=300, shift=0):
    """Buyers of unlike zeal who leave after a while: members, times, amounts."""
    rng = np.random.default_rng(seed)
    first, stays = rng.integers(0, 200, members), rng.exponential(80, members)
    count = rng.poisson(rng.gamma(1.0, 0.08, members) * stays) + 1
    who = np.repeat(np.arange(members), count)
    later = rng.random(who.size) * stays[who]
    days = np.minimum(first[who] + later, DAYS - 1).astype(int)
    when = [START + timedelta(days=int(day) + shift, hours=12) for day in days]
    return [f"m{n:04d}" for n in who], when, [float(v) for v in rng.integers(10, 90, who.size)]


def load(program, folder: Path, kind: str, table: pa.Table):
    path = folder / f"{kind}.parquet"
    pq.write_table(table, path)
    return load_dataset(kind, [path], program=program)


def load_purchases(program, folder, **drawn):
    members, times, amounts = purchases(**drawn)
    load(
        program,
        folder,
        "purchases",
        pa.table({"member_id": members, "purchased_at": times, "amount": amounts}),
    )
    return build_loyalty_world(members, times, amounts, np.random.default_rng(2))


def run(line: str) -> Plan:
    plan = base.start(base.draft(*base.parse_usage(line), None))
    while (
        ready := Task.objects.filter(plan=plan, kind="automated", state="ready").order_by("position").first()
    ):
        runner.run_task(ready.pk, "test")
    plan.refresh_from_db()
    return plan


def values(plan: Plan) -> dict:
    return {task.output_var: task.output for task in plan.tasks.all() if task.output}


def test_the_usage_line_runs_to_the_strategists_gate(program, tmp_path):
    for kind, table in load_purchases(program, tmp_path).items():
        load(program, tmp_path, kind, table)
    plan = run(LINE)
    found = values(plan)
    assert plan.tasks.get(key="roadmap-validation").state == "awaiting_approval"
    assert found["data"]["dimensions"] == ["tier", "region"]
    assert found["health"]["unavailable"] == {}
    assert found["experiments"]["read"] == 1


def test_sums_over_groups_equal_the_totals(program, tmp_path):
    for kind, table in load_purchases(program, tmp_path).items():
        load(program, tmp_path, kind, table)
    data = values(run(LINE))["data"]
    for name in ("members", "orders", "revenue", "earned", "redeemed"):
        assert sum(group[name] for group in data["groups"]) == pytest.approx(data["flows"][name])


def test_revenue_is_that_of_the_purchases_in_the_window(program, tmp_path):
    load_purchases(program, tmp_path)
    _, times, amounts = purchases()
    end = max(times).replace(hour=0) + timedelta(days=1)
    wanted = sum(a for t, a in zip(times, amounts, strict=True) if t >= end - timedelta(days=30))
    assert values(run(LINE))["data"]["flows"]["revenue"] == pytest.approx(wanted)


def test_without_a_ledger_liability_is_said_to_be_unavailable(program, tmp_path):
    load_purchases(program, tmp_path)
    health = values(run(LINE))["health"]
    assert health["liability"] is None
    assert "load_dataset point_ledger" in health["unavailable"]["liability"]


@pytest.mark.parametrize(
    "more", ["--window 31d", "--detail long", "--dimensions tier,planet", "--alert_threshold nonsense<1"]
)
def test_bad_inputs_are_refused(program, tmp_path, more):
    load_purchases(program, tmp_path)
    with pytest.raises(InvalidInput):
        run(f"/loyalty-lifecycle-orchestration:monitor-loyalty {more}")
    assert not Plan.objects.exists()


def test_one_breach_is_recorded_and_pulls_nothing(program, tmp_path):
    load_purchases(program, tmp_path)
    plan = run(f"{LINE} --alert_threshold retention<0.99")
    assert Breach.objects.filter(rule="alert-retention").count() == 1
    assert not Escalation.objects.exists()
    assert plan.state == "running"


def test_a_second_breach_in_another_period_opens_the_ladder_and_pulls_the_rip_cord(program, tmp_path):
    load_purchases(program, tmp_path)
    run(f"{LINE} --alert_threshold retention<0.99")
    load_purchases(program, tmp_path, shift=7)
    plan = run(f"{LINE} --alert_threshold retention<0.99")
    assert Escalation.objects.filter(plan=plan, trigger="alert-retention").exists()
    assert plan.state != "running"


def test_a_liability_spike_pulls_the_rip_cord_at_once(program, tmp_path):
    world = load_purchases(program, tmp_path)
    ledger = world["point_ledger"]
    late = START + timedelta(days=DAYS - 5)
    spike = ledger.slice(0, 1).to_pylist()[0]
    spike |= {"entry_id": "spike", "entry": "issue", "points": 9_000_000.0, "cost": None}
    spike |= {"posted_at": late, "issued_at": late}
    load(
        program,
        tmp_path,
        "point_ledger",
        pa.concat_tables([ledger, pa.Table.from_pylist([spike], ledger.schema)]),
    )
    plan = run(LINE)
    assert Escalation.objects.filter(plan=plan, trigger="liability-spike").exists()
    assert plan.state != "running"
