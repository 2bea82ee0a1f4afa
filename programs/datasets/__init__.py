"""Loaded data: contracts, readers, immutable snapshots and queries over them. No Django.

``ingest`` is the way in, ``OpenData`` the way a run reads. What reads files or asks questions needs DuckDB
and Arrow, which are large: those names are loaded when they are first used, so that a page of forms does not
pay for them.
"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from programs.datasets.contracts import CONTRACTS
from programs.datasets.loading.limits import Limits, Options
from programs.datasets.loading.problems import DatasetProblems
from programs.datasets.loading.source import Source
from programs.datasets.snapshots.store import Snapshot, SnapshotStore

if TYPE_CHECKING:
    from programs.datasets.loading.ingest import IngestResult, ingest
    from programs.datasets.loading.preview import FilePreview, preview
    from programs.datasets.loading.rejects import export_rejects
    from programs.datasets.snapshots.opened import OpenData

LARGE = {
    "IngestResult": "programs.datasets.loading.ingest:IngestResult",
    "OpenData": "programs.datasets.snapshots.opened:OpenData",
    "FilePreview": "programs.datasets.loading.preview:FilePreview",
    "export_rejects": "programs.datasets.loading.rejects:export_rejects",
    "ingest": "programs.datasets.loading.ingest:ingest",
    "preview": "programs.datasets.loading.preview:preview",
}

__all__ = [
    "CONTRACTS",
    "DatasetProblems",
    "IngestResult",
    "Limits",
    "OpenData",
    "Options",
    "FilePreview",
    "Snapshot",
    "SnapshotStore",
    "Source",
    "export_rejects",
    "ingest",
    "preview",
]


def __getattr__(name: str) -> Any:
    """A large name of this package, loaded now (PEP 562)."""
    if name not in LARGE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return resolve_name(LARGE[name])
