"""Where ClickHouse finds the rows of a snapshot: in the object store that it reads itself, or in a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gtm.core.errors import InvalidInput
from programs.datasets.snapshots.store import Snapshot, SnapshotStore

COLLECTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class RowsOf(Protocol):
    """SQL of a table function that reads all rows of a snapshot, or of a file kept beside it on this host."""

    @property
    def sees_files(self) -> bool: ...

    def rows(self, snapshot: Snapshot) -> str: ...

    def file(self, path: Path) -> str: ...


@dataclass(frozen=True, slots=True)
class InObjectStore:
    """The cluster reads the object whose name has the SHA-256 of its bytes. Address and keys stay with the
    cluster, in a named collection of its own that points to the folder of the snapshots."""

    store: SnapshotStore
    collection: str
    sees_files: bool = False

    def __post_init__(self) -> None:
        if not COLLECTION.fullmatch(self.collection):
            raise InvalidInput(f"“{self.collection}” is no name of a collection of ClickHouse.")
        if self.store.shared is None:
            raise InvalidInput(
                "ClickHouse reads snapshots in an object store, and this installation keeps them in folders.",
                hint="Set GTM_STORAGE_URL to the object store, and the collection to the same place.",
            )

    def rows(self, snapshot: Snapshot) -> str:
        assert self.store.shared is not None
        name = self.store.shared.rows_object(f"{snapshot.kind}/{snapshot.sha256}")
        return f"s3({self.collection}, filename = '{name}', format = 'Parquet')"

    def file(self, path: Path) -> str:
        raise LookupError(f"ClickHouse does not see the files of this host: {path.name}")


@dataclass(frozen=True, slots=True)
class InFiles:
    """ClickHouse runs where the files are: chDB, in this process."""

    store: SnapshotStore
    sees_files: bool = True

    def rows(self, snapshot: Snapshot) -> str:
        return self.file(self.store.rows_path(snapshot))

    def file(self, path: Path) -> str:
        quoted = str(path.resolve()).replace("\\", "\\\\").replace("'", "\\'")
        return f"file('{quoted}', 'Parquet')"
