"""The segments of members that a run may name: by the column of the member list, or by how members buy."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from gtm.core.later import later
from programs.analytics.segment_names import SEGMENTS
from programs.models import Program
from programs.selectors import latest_datasets
from programs.series import snapshot_root, snapshot_store

if TYPE_CHECKING:
    from programs.datasets.snapshots import opened
else:
    opened = later("programs.datasets.snapshots.opened")

MOST_VALUES = 200
"""Beyond so many values a column is no segmentation."""


BY_COLUMN, BY_RFM = "members.persona", "RFM quintiles of recency, frequency and spend"


def personas_of(program: Program) -> dict[str, dict[str, str]]:
    """Slug → name and rule of each segment that a run may name: the member list's own, and those of RFM."""
    found = {name.casefold(): {"name": name, "rule": BY_RFM} for name in SEGMENTS}
    listed = listed_personas(program)
    return found | {name.casefold(): {"name": name, "rule": f"{BY_COLUMN} is “{name}”"} for name in listed}


def listed_personas(program: Program) -> dict[str, int]:
    """Value of the column persona in the current member list → members."""
    for dataset in latest_datasets(program, ["members"]):
        if (dataset.profile.get("persona") or {}).get("filled"):
            return dict(_values(snapshot_root(), dataset.sha256))
    return {}


@lru_cache(maxsize=64)
def _values(root: Path, sha256: str) -> tuple[tuple[str, int], ...]:
    """Rows of a snapshot never change, so that they are read once."""
    data = opened.OpenData(snapshot_store(), [{"kind": "members", "sha256": sha256, "partner": ""}])
    rows = data.engine.member_personas(data.snapshot("members")).to_pylist()
    return tuple((row["persona"], row["members"]) for row in rows[:MOST_VALUES])
