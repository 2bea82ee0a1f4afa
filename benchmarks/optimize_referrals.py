"""optimize-referrals on ten million rows: time and peak memory of each step, and pandas on the same file.

``python benchmarks/optimize_referrals.py [rows] [advocates]``. A seeded referral world (ordinary advocates,
rings, bots, offices, …) is taken in once and then widened: every copy has people, devices and cards of its
own, so that schemes grow in number and not in size. Rows count referrals, payouts and partner activity. The
steps run in a process of their own, as a worker would run them; the goal is 60 s and 4 GB on two cores. CPU
seconds are told beside the wall clock, for a machine others use. Peer: the window's funnel by channel and
partner tier, by pandas and by our question.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

ROWS, ADVOCATES = 10_000_000, 20_000
SEED = 7
KINDS = ("referrals", "referral_payouts", "partner_activity")
STEPS = (
    ("Data refresh", "steps.refresh:refresh_data", "data"),
    ("Performance diagnostics", "steps.performance:diagnose", "performance"),
    ("Risk review", "steps.risk:review_risk", "risk"),
    ("Partner health", "steps.partners:assess_partners", "partners"),
    ("Playbook", "steps.playbook:write_playbook", "playbook"),
    ("Hand over", "report:gather_packet", "handed_over"),
)
#: What identifies somebody or something: each copy has its own.
OWN = (
    "referral_id", "referrer_id", "referee_customer_id", "referrer_email", "referee_email", "cookie_id",
    "device_id", "payment_hash", "referrer_cookie_id", "referrer_device_id", "referrer_payment_hash", "ip",
    "payout_id", "beneficiary_id", "account_hash", "activity_id",
)  # fmt: skip
SLICE = 2000
INPUTS = {
    "window": "30d", "detail": "full", "dimensions": ["channel", "partner-tier"], "alert_threshold": "",
    "experiments": [],
}  # fmt: skip
Spent = Any
"""Seconds by the clock and of the CPU, as an array."""


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    advocates = int(sys.argv[2]) if len(sys.argv) > 2 else ADVOCATES
    with tempfile.TemporaryDirectory(prefix="gtm-bench-") as folder:
        started = time.perf_counter()
        described = make(Path(folder), rows, advocates)
        total = sum(item["rows"] for item in described)
        print(f"{total:,} rows made in {time.perf_counter() - started:.0f} s")
        for item in described:
            print(f"  {item['kind']:20} {item['rows']:>12,}")
        told = json.dumps({"root": folder, "datasets": described})
        for mode in ("steps", "pandas", "funnel"):
            environment = os.environ | {"BENCH_OPTIMIZE": told, "BENCH_MODE": mode}
            subprocess.run([sys.executable, __file__], env=environment, check=True)


def make(root: Path, rows: int, advocates: int) -> list[dict[str, Any]]:
    """A small world through the project's own loader, then widened to ``rows`` rows in all."""
    from programs.datasets import Options, SnapshotStore  # noqa: PLC0415
    from programs.datasets.loading.ingest import ingest  # noqa: PLC0415
    from programs.datasets.worlds.referral_world import build_referral_world  # noqa: PLC0415

    world = build_referral_world(np.random.default_rng(SEED), advocates=advocates)
    store = SnapshotStore(root)
    copies = max(rows // sum(table.num_rows for table in world.tables.values()), 1)
    described = []
    for kind in KINDS:
        path = root / f"{kind}.parquet"
        pq.write_table(world.tables[kind], path)
        small = ingest(
            [path], kind, store=store, options=Options(currency="EUR", now=datetime.now(UTC))
        ).snapshot
        digest = sha256(f"{kind} {copies}".encode()).hexdigest()
        home = root / kind / digest
        home.mkdir(parents=True)
        widen(store.rows_path(small), home / "rows.parquet", copies)
        large = asdict(small) | {
            "sha256": digest,
            "rows": small.rows * copies,
            "path": store.address(kind, digest),
        }
        for name in ("window_start", "window_end"):
            large[name] = large[name].isoformat()
        (home / "snapshot.json").write_text(json.dumps(large))
        described.append({"kind": kind, "sha256": digest, "partner": "", "rows": large["rows"]})
    return described


def widen(source: Path, target: Path, copies: int) -> None:
    """Every row ``copies`` times, row by row, so that the order in time stays."""
    table = pq.read_table(source)
    places = [name for name in table.column_names if name.endswith("_address")]
    named = [name for name in OWN if name in table.column_names]
    own = ", ".join(f"left({name}, 1) || 'q' || copy || 'q' || substr({name}, 2) AS {name}" for name in named)
    own = ", ".join([own, *(f"{name} || ' ' || copy AS {name}" for name in places)])
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    with pq.ParquetWriter(target, table.schema, compression="zstd") as writer:
        for start in range(0, table.num_rows, SLICE):
            connection.register("part", table.slice(start, SLICE))
            # Addresses are told apart at their end, where their first number stays what it was.
            found = connection.execute(
                f"SELECT part.* REPLACE ({own}) FROM part, range({copies}) AS copies(copy)"
            ).to_arrow_table()
            writer.write_table(found.cast(table.schema))


def run_steps(root: Path, datasets: list[dict[str, Any]]) -> None:
    """Every automated step in turn, as the runner calls it, without a database."""
    os.environ |= {"DJANGO_SETTINGS_MODULE": "gtm.settings", "SECRET_KEY": "nothing is signed here"}
    import django  # noqa: PLC0415

    django.setup()
    from pkgutil import resolve_name  # noqa: PLC0415

    from plans.engine.running.runner import stored_values  # noqa: PLC0415
    from plans.engine.running.steps import StepContext  # noqa: PLC0415
    from programs.datasets import OpenData  # noqa: PLC0415
    from programs.schemas.metrics import STANDARD  # noqa: PLC0415

    steps = [
        (title, resolve_name(f"plans.commands.optimize_referrals.{path}"), name)
        for title, path, name in STEPS
    ]
    outputs: dict[str, Any] = {}
    metrics = {
        metric.key.removeprefix("referral-").replace("-", "_"): {**asdict(metric), "version": 1}
        for metric in STANDARD
        if metric.key.startswith("referral-")
    }
    program = {
        "currency": "EUR", "time_zone": "UTC", "people": {}, "metrics": metrics, "metric_versions": {},
        "last_run": {}, "held_referrals": [], "case_labels": {}, "decided_cases": {}, "banned_sources": [],
    }  # fmt: skip
    whole = np.zeros(2)
    for title, run, name in steps:
        context = StepContext(
            inputs=INPUTS, outputs=outputs, program=program, data=OpenData(root, datasets), seed=SEED,
            now=datetime(2026, 4, 1, tzinfo=UTC), progress=lambda percent, note: None,
        )  # fmt: skip
        spent, result = timed(lambda: run(context))  # noqa: B023 - called at once
        outputs[name] = stored_values(result)
        whole += spent
        report(title, spent)
    report("all steps, one after the other", whole)
    risk = outputs["risk"]
    print(
        f"  {risk['reviewed']:,} referrals screened, {risk['looked_at']:,} looked at, "
        f"{risk['held']:,} proposed for hold"
    )


def run_pandas(root: Path, datasets: list[dict[str, Any]]) -> None:
    """The funnel of the last 30 days by channel and tier, read with the columns it needs."""
    item = next(item for item in datasets if item["kind"] == "referrals")
    path = root / "referrals" / item["sha256"] / "rows.parquet"
    stages = ["clicked_at", "submitted_at", "qualified_at", "pipeline_at", "won_at", "paid_at"]

    def funnel() -> pd.DataFrame:
        frame = pd.read_parquet(path, columns=["invited_at", *stages, "channel", "partner_tier"])
        end = frame["invited_at"].max().normalize() + pd.Timedelta(days=1)
        frame = frame[frame["invited_at"] >= end - pd.Timedelta(days=30)]
        reached = frame[stages].lt(end)
        reached.insert(0, "invited", True)
        nested = reached.iloc[:, ::-1].cummax(axis=1)
        return nested.groupby([frame["channel"], frame["partner_tier"]], observed=True).sum()

    spent, _ = timed(funnel)
    report("pandas: the funnel alone", spent)


def run_funnel(root: Path, datasets: list[dict[str, Any]]) -> None:
    """The same funnel by our own question."""
    from programs.datasets import OpenData  # noqa: PLC0415

    data = OpenData(root, datasets)
    end = data.as_of("referrals")
    start, referrals = end - timedelta(days=30), data.snapshot("referrals")
    dimensions = ("channel", "partner_tier")
    ask = data.engine.referral_funnel
    spent, _ = timed(lambda: ask(referrals, start=start, end=end, as_of=end, by=dimensions))
    report("our question: the funnel alone", spent)


def timed(work: Callable[[], Any]) -> tuple[Spent, Any]:
    started = used()
    result = work()
    return used() - started, result


def used() -> Spent:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return np.array([time.perf_counter(), usage.ru_utime + usage.ru_stime])


def report(title: str, spent: Spent) -> None:
    """Peak memory is of the process so far, in KiB on Linux."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"  {title:32} {spent[0]:7.1f} s   {spent[1]:7.1f} CPU s   peak {peak:5.2f} GB", flush=True)


if __name__ == "__main__":
    told = os.environ.get("BENCH_OPTIMIZE")
    if told is None:
        main()
    else:
        given = json.loads(told)
        chosen = {"steps": run_steps, "pandas": run_pandas, "funnel": run_funnel}[os.environ["BENCH_MODE"]]
        print(os.environ["BENCH_MODE"])
        chosen(Path(given["root"]), given["datasets"])
