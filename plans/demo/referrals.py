"""The demo's referral program: a seeded world of referrals, payouts, partners, surveys and a test.

What was planted comes as the label ``fraud``, as an audit of closed referrals would bring it: the heuristics
do not read it, only precision and recall do.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from programs.datasets.worlds.referral_world import build_referral_world
from programs.models import Dataset, Program
from programs.services import load_dataset

SEED, ADVOCATES, DAYS = 2026, 1000, 90
START = datetime(2026, 6, 1, tzinfo=UTC)
EXPERIMENT = "warm-invite"
PARTNERS, ANSWERS, UNITS = 12, 360, 4000
WIN_RATES = {"control": 0.080, "warm": 0.100}


def load(program: Program, say: Callable[[str], Any]) -> None:
    """Load the world unless the program has referrals already."""
    if Dataset.objects.filter(program=program, kind="referrals").exists():
        return
    say("Making a referral program …")
    with TemporaryDirectory() as folder:
        for kind, table in tables(np.random.default_rng(SEED)).items():
            path = Path(folder) / f"{kind}.parquet"
            pq.write_table(table, path)
            dataset, _ = load_dataset(kind, [path], program=program, currency="EUR")
            say(f"  {dataset.rows:,} {kind.replace('_', ' ')}")


def tables(rng: np.random.Generator, *, advocates: int = ADVOCATES) -> dict[str, pa.Table]:
    """Every dataset of the demo by kind, in the columns of its contract."""
    world = build_referral_world(rng, advocates=advocates, start=START, days=DAYS)
    labelled = world.tables["referrals"].append_column("fraud", world.truth.column("fraud"))
    # A few planted schemes run on after the last day; a window must not end in their thin tail.
    end = pa.scalar(START + timedelta(days=DAYS), pa.timestamp("us", tz="UTC"))
    referrals = labelled.filter(pc.less(labelled.column("invited_at"), end))
    payouts = world.tables["referral_payouts"]
    known = pc.is_in(payouts.column("referral_id"), value_set=referrals.column("referral_id"))
    return world.tables | {
        "referrals": referrals,
        "referral_payouts": payouts.filter(known),
        "survey_responses": survey_table(rng),
        "experiments": experiment_table(rng),
    }


def survey_table(rng: np.random.Generator) -> pa.Table:
    """NPS answers of the partners; those with a higher number are less content."""
    partner = rng.integers(0, PARTNERS, ANSWERS)
    score = np.clip(np.rint(rng.normal(9.3 - 0.2 * partner, 1.6)), 0, 10).astype(int)
    return pa.table({
        "response_id": [f"nps-{index:05d}" for index in range(ANSWERS)],
        "partner_id": [f"partner-{index:02d}" for index in partner],
        "answered_at": instants(rng, ANSWERS),
        "survey": ["nps"] * ANSWERS,
        "score": score,
        "tier": [("bronze", "silver", "gold")[index % 3] for index in partner],
    })  # fmt: skip


def experiment_table(rng: np.random.Generator) -> pa.Table:
    """A test of a warmer invitation, on customers won."""
    arm = rng.permutation(np.repeat(list(WIN_RATES), UNITS // 2))
    won = rng.random(UNITS) < np.array([WIN_RATES[name] for name in arm])
    return pa.table({
        "experiment": [EXPERIMENT] * UNITS,
        "unit_id": [f"unit-{index:05d}" for index in range(UNITS)],
        "variant": arm,
        "assigned_at": instants(rng, UNITS),
        "metric": ["won"] * UNITS,
        "value": won.astype(float),
    })  # fmt: skip


def instants(rng: np.random.Generator, size: int) -> pa.Array:
    origin = np.datetime64(START.replace(tzinfo=None), "us")
    drawn = origin + rng.integers(0, DAYS * 86_400, size).astype("timedelta64[s]")
    return pa.array(drawn, pa.timestamp("us", tz="UTC"))
