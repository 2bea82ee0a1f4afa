"""The demo's loyalty program: SYNTHETIC points, tiers, answers and a test on the real CDNOW purchases."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from programs.datasets import SnapshotStore
from programs.datasets.worlds.loyalty_world import TIERS, build_loyalty_world
from programs.models import Dataset, Program, Tier
from programs.services import load_dataset, snapshot_root

SEED = 1997


def load(program: Program, say: Callable[[str], Any]) -> None:
    """Load the world beside the program's purchases unless it has a ledger already."""
    bought = Dataset.objects.filter(program=program, kind="purchases").order_by("-pk").first()
    if bought is None or Dataset.objects.filter(program=program, kind="point_ledger").exists():
        return
    say("Making a synthetic point ledger from the purchases …")
    store = SnapshotStore(snapshot_root())
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
