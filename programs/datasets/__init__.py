"""Loaded data: contracts, readers, immutable snapshots and queries over them. No Django.

``ingest`` is the way in, ``OpenData`` the way a run reads.
"""

from programs.datasets.contracts import CONTRACTS
from programs.datasets.ingest import IngestResult, ingest
from programs.datasets.limits import Limits, Options
from programs.datasets.opened import OpenData
from programs.datasets.preview import Preview, preview
from programs.datasets.problems import DatasetProblems
from programs.datasets.readers import Source
from programs.datasets.rejects import export_rejects
from programs.datasets.store import Snapshot, SnapshotStore

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
