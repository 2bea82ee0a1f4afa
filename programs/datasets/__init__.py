"""Loaded data: contracts, readers, immutable snapshots and queries over them. No Django.

``ingest`` is the way in, ``OpenData`` the way a run reads.
"""

from programs.datasets.contracts import CONTRACTS
from programs.datasets.loading.ingest import IngestResult, ingest
from programs.datasets.loading.limits import Limits, Options
from programs.datasets.loading.preview import Preview, preview
from programs.datasets.loading.problems import DatasetProblems
from programs.datasets.loading.rejects import export_rejects
from programs.datasets.readers import Source
from programs.datasets.snapshots.opened import OpenData
from programs.datasets.snapshots.store import Snapshot, SnapshotStore

__all__ = [
    "CONTRACTS",
    "DatasetProblems",
    "IngestResult",
    "Limits",
    "OpenData",
    "Options",
    "Preview",
    "Snapshot",
    "SnapshotStore",
    "Source",
    "export_rejects",
    "ingest",
    "preview",
]
