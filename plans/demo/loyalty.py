"""The demo's loyalty program: SYNTHETIC points, tiers, answers and a test on the real CDNOW purchases."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from programs.datasets.worlds.loyalty_world import EXPERIMENT, TIERS, build_loyalty_world
from programs.models import Dataset, Experiment, Program, Tier
from programs.series import snapshot_store
from programs.services import load_dataset

SEED = 1997
PLANNED = 3_841
"""Members per arm to see 10 % become 12 %, at 5 % error and 80 % power."""


def load(program: Program, say: Callable[[str], Any]) -> None:
    """Load the world beside the program's purchases unless it has a ledger already."""
    _plan_test(program)
    bought = Dataset.objects.filter(program=program, kind="purchases").order_by("-pk").first()
    if bought is None or Dataset.objects.filter(program=program, kind="point_ledger").exists():
        return
    say("Making a synthetic point ledger from the purchases …")
    store = snapshot_store()
    rows = pq.read_table(store.rows_path(store.get("purchases", bought.sha256)))
    world = build_loyalty_world(
        rows.column("member_id").to_pylist(),
        rows.column("purchased_at").to_pylist(),
        [float(amount) for amount in rows.column("amount").to_pylist()],
        np.random.default_rng(SEED),
    )
    with TemporaryDirectory() as folder:
        for kind, table in world.items():
            path = Path(folder) / f"synthetic_{kind}.parquet"
            pq.write_table(table, path)
            dataset, _ = load_dataset(kind, [path], program=program, currency=program.currency)
            say(f"  {dataset.rows:,} {kind.replace('_', ' ')} (synthetic)")
    if not program.tiers.exists():
        for rank, (name, threshold) in enumerate(TIERS, start=1):
            Tier(program=program, rank=rank, name=name, threshold=Decimal(str(threshold))).save()


def _plan_test(program: Program) -> None:
    if not program.experiments.filter(key=EXPERIMENT).exists():
        Experiment(
            program=program,
            key=EXPERIMENT,
            name="Double points",
            hypothesis="Double points for a month bring more members to buy: 12 % instead of 10 %.",
            control="control",
            metrics=[{"name": "bought", "role": "primary"}],
            planned_per_arm=PLANNED,
        ).save()
