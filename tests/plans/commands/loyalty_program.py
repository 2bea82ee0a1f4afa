"""A small loyalty program for the tests of monitor-loyalty, and runs of the command on it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from plans.engine.running import runner
from plans.models import Artifact, Plan, Task
from plans.runs import start as base
from programs.datasets.worlds.loyalty_world import build_loyalty_world
from programs.services import load_dataset

LINE = (
    '/loyalty-lifecycle-orchestration:monitor-loyalty --window 30d --detail full --dimensions "tier,region"'
)
SUMMARY = "/loyalty-lifecycle-orchestration:monitor-loyalty"
START, DAYS = datetime(2025, 1, 1, tzinfo=UTC), 300


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
    return load_dataset(kind, [path], program=program, series="replace")


def load_purchases(program, folder, **drawn):
    """Load drawn purchases; answers the synthetic world that belongs to them."""
    members, times, amounts = purchases(**drawn)
    table = pa.table({"member_id": members, "purchased_at": times, "amount": amounts})
    load(program, folder, "purchases", table)
    return build_loyalty_world(members, times, amounts, np.random.default_rng(2))


def start(line: str) -> Plan:
    return base.start(base.draft(*base.parse_usage(line), None))


def run(line: str, *keys: str) -> Plan:
    """Start a plan and run its automated tasks, or only those named."""
    return work(start(line), *keys)


def work(plan: Plan, *keys: str) -> Plan:
    ready = Task.objects.filter(plan=plan, kind="automated", state="ready").order_by("position")
    ready = ready.filter(key__in=keys) if keys else ready
    while task := ready.first():
        runner.run_task(task.pk, "test")
    plan.refresh_from_db()
    return plan


def values(plan: Plan) -> dict:
    return {task.output_var: task.output for task in plan.tasks.all() if task.output}


def outputs(plan: Plan) -> dict:
    """Payloads by their key."""
    return {artifact.payload["key"]: artifact.payload for artifact in Artifact.objects.filter(plan=plan)}


def rows(payload: dict) -> list[dict]:
    """The rows of a table by column."""
    names = [column["key"] for column in payload["columns"]]
    return [dict(zip(names, row, strict=True)) for row in payload["rows"]]
