"""monitor-loyalty on ten million rows: the steps of its usage line, and the naive way beside it.

The rows are made by DuckDB from hashes of their numbers, so every run has the same. Each side runs in a process of
its own, and its peak memory is that process's. The peer does the data pull alone: it reads the columns it needs
into memory with pyarrow and groups there, and must find the same revenue and active members.

Goal: 60 s and 4 GB on 2 cores. ``python benchmarks/monitor_loyalty.py [ROWS]``
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

ROWS = 10_000_000
SHARES = {
    "purchases": 0.60,
    "point_ledger": 0.30,
    "members": 0.05,
    "survey_responses": 0.03,
    "experiments": 0.02,
}
START, DAYS = "2024-01-01 00:00:00+00", 730
DIMENSIONS = ["tier", "region"]
GOAL_SECONDS, GOAL_BYTES = 60.0, 4 * 1024**3
MACROS = f"""
CREATE MACRO u(i, salt) AS (hash(i, salt) >> 11) / 9007199254740992.0;
CREATE MACRO joined(m) AS 600 * u(m, 'joined');
CREATE MACRO instant(days) AS TIMESTAMPTZ '{START}' + to_seconds(CAST(86400 * least(days, {DAYS} - 0.001) AS BIGINT));
CREATE MACRO label(m) AS 'm' || lpad(CAST(m AS VARCHAR), 7, '0');
"""
COLUMNS: dict[str, tuple[str, dict[str, str]]] = {
    "purchases": (
        "SELECT i, CAST(floor(pow(u(i, 'who'), 2) * $members) AS BIGINT) AS m FROM range($rows) AS r(i)",
        {"member_id": "label(m)", "purchased_at": "instant(joined(m) - 150 * ln(1 - u(i, 'when')))",
         "amount": "round(5 + 60 * u(i, 'amount'), 2)", "currency": "'USD'", "order_id": "'o' || i"},
    ),
    "members": (
        "SELECT i AS m FROM range($rows) AS r(i)",
        {"member_id": "label(m)", "enrolled_at": "instant(joined(m))", "region": "['north', 'south', 'east', 'west'][1 + m % 4]",
         "channel": "['web', 'store', 'referral'][1 + m % 3]",
         "left_at": "CASE WHEN u(m, 'leaves') < 0.1 THEN instant(joined(m) + 300 * u(m, 'left')) END"},
    ),
    "point_ledger": (
        "SELECT *, CASE WHEN lot + lag < 730 THEN kind ELSE 'issue' END AS entry FROM (SELECT *, joined(m) + (729 - joined(m)) * u(i, 'lot') AS lot, "
        "CASE kind WHEN 'redeem' THEN -120 * ln(1 - u(i, 'lag')) WHEN 'expire' THEN 365 ELSE 0 END AS lag FROM ("
        "SELECT i, CAST(floor(u(i, 'who') * $members) AS BIGINT) AS m, "
        "CASE WHEN u(i, 'kind') < 0.6 THEN 'issue' WHEN u(i, 'kind') < 0.9 THEN 'redeem' ELSE 'expire' END AS kind "
        "FROM range($rows) AS r(i)))",
        {"entry_id": "'e' || i", "member_id": "label(m)", "entry": "entry",
         "posted_at": "instant(lot + CASE entry WHEN 'issue' THEN 0 ELSE lag END)",
         "issued_at": "instant(lot)", "points": "CASE entry WHEN 'issue' THEN 20 + floor(80 * u(i, 'points')) ELSE 10 + floor(30 * u(i, 'points')) END"},
    ),
    "survey_responses": (
        "SELECT i, CAST(floor(u(i, 'who') * $members) AS BIGINT) AS m FROM range($rows) AS r(i)",
        {"response_id": "'s' || i", "member_id": "label(m)", "answered_at": "instant(joined(m) + 130 * u(i, 'when'))",
         "survey": "'csat'", "score": "1 + CAST(floor(5 * sqrt(u(i, 'score'))) AS BIGINT)"},
    ),
    "experiments": (
        "SELECT i, i % 2 AS arm FROM range($rows) AS r(i)",
        {"experiment": "'double-points'", "unit_id": "label(i)", "variant": "['control', 'double'][1 + arm]",
         "assigned_at": "instant(690 + 14 * u(i, 'assigned'))", "metric": "'bought'",
         "value": "CASE WHEN u(i, 'outcome') < 0.10 + 0.01 * arm THEN 1 ELSE 0 END"},
    ),
}  # fmt: skip


def make(root: Path, rows: int) -> list[dict[str, str]]:
    """Store snapshots below ``root`` as loading would; answers what a plan says of its datasets."""
    from programs.datasets.contracts import CONTRACTS
    from programs.datasets.snapshots.store import Snapshot, SnapshotStore

    store, described = SnapshotStore(root), []
    connection = duckdb.connect(config={"threads": 2, "memory_limit": "2GB"})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(MACROS)
    members = int(rows * SHARES["members"])
    for kind, share in SHARES.items():
        source, given = COLUMNS[kind]
        count = int(rows * share)
        source = source.replace("$members", str(members)).replace("$rows", str(count))
        contract = CONTRACTS[kind]
        told = ", ".join(
            f"CAST({given.get(c.name, 'NULL')} AS {c.type.sql}) AS {c.name}" for c in contract.columns
        )
        with store.workspace() as folder:
            path = folder / "rows.parquet"
            connection.execute(f"COPY (SELECT {told} FROM ({source})) TO '{path}' (FORMAT parquet)")
            low, high = connection.execute(
                f"SELECT min({contract.time}), max({contract.time}) FROM '{path}'"
            ).fetchone()
            sha256 = hashlib.sha256(f"{kind} {rows}".encode()).hexdigest()
            currencies = ("USD",) if contract.money else ()
            window = (datetime.fromisoformat(str(low)), datetime.fromisoformat(str(high)))
            store.put(
                Snapshot(
                    kind, contract.version, sha256, count, store.address(kind, sha256), currencies, *window
                ),
                path,
            )
        described.append({"kind": kind, "sha256": sha256, "partner": ""})
    return described


def ours(root: Path, described: list[dict[str, str]]) -> dict[str, Any]:
    """The automated steps of the usage line, in order, as a worker runs them."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()
    from plans.engine.running.steps import StepContext, resolve
    from plans.runs import registry
    from plans.schemas.inputs import read_inputs
    from plans.schemas.outputs import payload_of
    from programs.datasets import OpenData
    from programs.schemas.metrics import STANDARD

    command = registry.get("monitor-loyalty")
    inputs, problems = read_inputs(
        command.inputs, {"window": "30d", "detail": "full", "dimensions": ",".join(DIMENSIONS)}, {}
    )
    assert not problems, problems
    metrics = {
        m.key.removeprefix("loyalty-").replace("-", "_"): {
            **{n: getattr(m, n) for n in m.__slots__},
            "version": 1,
        }
        for m in STANDARD
        if m.key.startswith("loyalty-")
    }
    tiers = [{"rank": 1, "name": "Member", "threshold": "0"}, {"rank": 2, "name": "Silver", "threshold": "250"},
             {"rank": 3, "name": "Gold", "threshold": "900"}]  # fmt: skip
    program = {
        "currency": "USD", "time_zone": "UTC", "gross_margin": "0.4", "point_unit_cost": "0.008", "tiers": tiers,
        "metrics": metrics, "metric_versions": {m["key"]: 1 for m in metrics.values()}, "people": {}, "experiments": {},
        "remediation": {"hours": [], "open": 0}, "last_run": {},
    }  # fmt: skip
    outputs: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    for step in command.steps:
        if not step.run or step.key == "second-review":  # which reads the database, and no rows
            continue
        began = time.perf_counter()
        context = StepContext(inputs, outputs, program, OpenData(root, described), 1, datetime(2026, 1, 1, tzinfo=UTC),
                              lambda percent, note: None)  # fmt: skip
        run, _ = resolve(command.key, step.key)
        result = run(context)
        outputs[step.output_var] = result.values
        [payload_of(output) for output in result.outputs]
        seconds[step.key] = time.perf_counter() - began
    flows = outputs["data"]["flows"]
    return {
        "seconds": seconds,
        "revenue": flows["revenue"],
        "active": flows["active"],
        "health": outputs["health"]["churn_risk"],
    }


def peer(root: Path, described: list[dict[str, str]]) -> dict[str, Any]:
    """The data pull alone: columns into memory, joined and grouped with pyarrow."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from programs.datasets.snapshots.store import SnapshotStore

    began = time.perf_counter()
    store = SnapshotStore(root)
    path = {d["kind"]: store.rows_path(store.get(d["kind"], d["sha256"])) for d in described}
    bought = pq.read_table(path["purchases"], columns=["member_id", "purchased_at", "amount"])
    end = datetime.fromisoformat(START) + timedelta(days=DAYS)
    revenue = {}
    for n in range(8):
        high = end - timedelta(days=30 * n)
        inside = pc.and_(
            pc.greater_equal(bought["purchased_at"], high - timedelta(days=30)),
            pc.less(bought["purchased_at"], high),
        )
        each = bought.filter(inside).group_by("member_id").aggregate([("amount", "sum"), ("amount", "count")])
        revenue[n] = (float(pc.sum(each["amount_sum"]).as_py() or 0), len(each))
        if n == 0:
            people = pq.read_table(path["members"], columns=["member_id", "region"])
            people.join(each, "member_id", join_type="left outer").group_by("region").aggregate(
                [("amount_sum", "sum")]
            )
    points = pq.read_table(path["point_ledger"], columns=["member_id", "posted_at", "entry", "points"])
    points.group_by(["member_id", "entry"]).aggregate([("points", "sum")])
    return {
        "seconds": {"data-pull": time.perf_counter() - began},
        "revenue": revenue[0][0],
        "active": revenue[0][1],
    }


def measured(side: str, root: Path, described: list[dict[str, str]]) -> dict[str, Any]:
    """Run a side in a process of its own."""
    call = [sys.executable, __file__, "--side", side, str(root), json.dumps(described)]
    done = subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    if "--side" in sys.argv:
        side, root, described = sys.argv[2:5]
        found = {"ours": ours, "peer": peer}[side](Path(root), json.loads(described))
        used = resource.getrusage(resource.RUSAGE_SELF)
        found |= {"peak": used.ru_maxrss * 1024, "cpu": used.ru_utime + used.ru_stime}
        print(json.dumps(found))
        return
    rows = int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory(prefix="gtm-bench-") as folder:
        began = time.perf_counter()
        described = make(Path(folder), rows)
        print(f"{rows:,} rows made in {time.perf_counter() - began:.1f} s")
        mine, other = measured("ours", Path(folder), described), measured("peer", Path(folder), described)
    for key, seconds in mine["seconds"].items():
        print(f"  {key:20} {seconds:6.1f} s")
    total = sum(mine["seconds"].values())
    print(
        f"monitor-loyalty      {total:6.1f} s  {mine['peak'] / 1024**3:5.2f} GB peak  {mine['cpu']:6.1f} s of processor"
    )
    print(
        f"pyarrow, pull alone  {other['seconds']['data-pull']:6.1f} s  {other['peak'] / 1024**3:5.2f} GB peak"
    )
    same = abs(mine["revenue"] - other["revenue"]) < 0.01 * max(rows, 1) * 1e-4
    print(f"same revenue: {same} ({mine['revenue']:,.2f}, {other['revenue']:,.2f})")
    if rows == ROWS:
        kept = total <= GOAL_SECONDS and mine["peak"] <= GOAL_BYTES
        print(
            f"goal of {GOAL_SECONDS:.0f} s and {GOAL_BYTES / 1024**3:.0f} GB: {'kept' if kept else 'missed'}"
        )


if __name__ == "__main__":
    main()
