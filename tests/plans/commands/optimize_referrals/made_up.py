"""Made-up worlds run through the command's steps, without a database, and judged by a truth kept apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow.parquet as pq

from plans.commands.optimize_referrals.steps import partners, performance, playbook, refresh, risk
from plans.engine.running.runner import stored_values
from plans.engine.running.steps import StepContext
from programs.datasets import OpenData, Options, SnapshotStore
from programs.datasets.loading.ingest import ingest
from programs.datasets.worlds.referral_world import ReferralWorld
from programs.schemas.metrics import STANDARD

NOW = datetime(2027, 1, 1, tzinfo=UTC)
PROGRAM: Mapping[str, Any] = {
    "slug": "made-up", "currency": "EUR", "time_zone": "UTC", "people": {}, "metric_versions": {},
    "last_run": {}, "held_referrals": [], "case_labels": {}, "decided_cases": {}, "decisions": [],
    "banned_sources": [],
    "referral_rules": {},
    "metrics": {
        metric.key.removeprefix("referral-").replace("-", "_"): {**asdict(metric), "version": 1}
        for metric in STANDARD
        if metric.key.startswith("referral-")
    },
}  # fmt: skip
INPUTS = {"window": "90d", "detail": "full", "dimensions": [], "alert_threshold": "", "experiments": []}


def loaded(world: ReferralWorld, home: Path) -> OpenData:
    described = []
    for kind, table in world.tables.items():
        path = home / f"{kind}.parquet"
        pq.write_table(table, path)
        options = Options(currency="EUR", now=NOW)
        taken = ingest([path], kind, store=SnapshotStore(home), options=options).snapshot
        described.append({"kind": kind, "sha256": taken.sha256, "partner": ""})
    return OpenData(home, described)


STEPS = {
    "data": refresh.refresh_data,
    "performance": performance.diagnose,
    "risk": risk.review_risk,
    "partners": partners.assess_partners,
    "playbook": playbook.write_playbook,
}


def review(data: OpenData, **program: Any) -> dict[str, Any]:
    """What the risk step says of the data, in a program with the settings given."""
    return outputs_of(data, ("data", "risk"), **program)["risk"]


def outputs_of(
    data: OpenData,
    steps: Sequence[str] = tuple(STEPS),
    inputs: Mapping[str, Any] = MappingProxyType({}),
    **program: Any,
) -> dict[str, Any]:
    """What the steps say of the data, by the name of their output."""
    outputs: dict[str, Any] = {}
    for name in steps:
        context = StepContext(
            inputs={**INPUTS, **inputs}, outputs=outputs, program={**PROGRAM, **program}, data=data,
            seed=7, now=NOW, progress=lambda percent, note: None,
        )  # fmt: skip
        outputs[name] = stored_values(STEPS[name](context))
    return outputs


@dataclass(frozen=True)
class Judged:
    """A review against the truth: honest referrers accused, of a thousand; of referrals the rest."""

    accused: float
    precision: float
    recall: float
    asked: float


def judge(world: ReferralWorld, risk: Mapping[str, Any]) -> Judged:
    truth = world.truth.to_pylist()
    fraud = {row["referral_id"] for row in truth if row["fraud"]}
    referrer = {row["referral_id"]: row["referrer_id"] for row in truth}
    held = {key for case in risk["cases"] if case["proposal"] == "hold" for key in case["referrals"]}
    asked = {key for case in risk["cases"] for key in case["referrals"]}
    honest = set(referrer.values()) - {referrer[key] for key in fraud}
    return Judged(
        accused=1000 * len(honest & {referrer[key] for key in held}) / len(honest),
        precision=len(held & fraud) / len(held) if held else 1.0,
        recall=len(held & fraud) / len(fraud) if fraud else 1.0,
        asked=len(asked & fraud) / len(fraud) if fraud else 1.0,
    )
