"""Immutable snapshots in a folder, addressed by the SHA-256 of what they say.

``<root>/<kind>/<sha256>/rows.parquet``, ``snapshot.json`` beside it, and one ``rejects-….parquet`` a load.
Everything is written elsewhere first and then renamed, so a snapshot is there whole or not at all.

Where several hosts share an object store, the folder is this host's copy of what it has used (``shared``).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gtm.core.canonical import document
from gtm.core.errors import NotFound
from programs.datasets.contracts import CONTRACTS
from programs.datasets.snapshots.shared import REJECTS, SharedObjects, SharedSnapshots

SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known of stored rows. ``path`` is below the store's root; ``sha256`` is of the rows.

    ``window_start``/``window_end``: first and last value of the contract's time column, UTC.
    ``profile``: per column filled, distinct (approximate), minimum and maximum; none of personal data.
    """

    kind: str
    contract_version: int
    sha256: str
    rows: int
    path: str
    currencies: tuple[str, ...] = ()
    window_start: datetime | None = None
    window_end: datetime | None = None
    profile: dict[str, dict[str, Any]] | None = None


class SnapshotStore:
    """The folder of snapshots. Rows that it has not are looked for in the store ``behind`` it, if any.

    With ``objects`` the snapshots are shared: what is kept here is there first, and what is not here, or is
    not what was kept, is fetched.
    """

    def __init__(
        self, root: Path, behind: SnapshotStore | None = None, *, objects: SharedObjects | None = None
    ):
        self.root = Path(root)
        self.behind = behind
        self.shared = SharedSnapshots(objects) if objects else None

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A folder on the same file system for work in progress, removed at the end."""
        incoming = self.root / ".incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=incoming) as directory:
            yield Path(directory)

    @contextmanager
    def trial(self) -> Iterator[SnapshotStore]:
        """A store before this one, for a load that is not decided: gone at the end, see ``take_over``."""
        with self.workspace() as directory:
            yield SnapshotStore(directory, behind=self)

    def alone(self) -> SnapshotStore:
        """The folder without what is behind it: for a process that reads files and knows no other store."""
        return SnapshotStore(self.root)

    def take_over(self, trial: SnapshotStore, snapshot: Snapshot) -> bool:
        """Keep a snapshot of a trial with its rejects. Returns False when its rows were stored before."""
        tried, home = (store._home(snapshot.kind, snapshot.sha256) for store in (trial, self))
        if not tried.exists():
            return False
        if self.shared:
            self.shared.keep(self._name(snapshot.kind, snapshot.sha256), tried)
        home.parent.mkdir(parents=True, exist_ok=True)
        try:
            tried.rename(home)
        except OSError:
            if not (home / "snapshot.json").exists():
                raise
            for rejects in tried.glob("rejects-*.parquet"):
                os.replace(rejects, home / rejects.name)
            return False
        return True

    def put(self, snapshot: Snapshot, rows: Path) -> bool:
        """Take over the file of rows. Returns False when these rows were stored before."""
        home = self._home(snapshot.kind, snapshot.sha256)
        if (home / "snapshot.json").exists() and self.shared is None:
            return False
        staging = rows.parent / "snapshot"
        staging.mkdir()
        os.replace(rows, staging / "rows.parquet")
        (staging / "snapshot.json").write_bytes(document(asdict(snapshot)))
        for file in staging.iterdir():
            file.chmod(0o444)
        if self.shared:
            self.shared.keep(self._name(snapshot.kind, snapshot.sha256), staging)
        home.parent.mkdir(parents=True, exist_ok=True)
        try:
            staging.rename(home)
        except OSError:
            if not (home / "snapshot.json").exists():
                raise
            shutil.rmtree(staging)  # somebody else stored the same rows meanwhile
            return False
        return True

    def put_rejects(self, snapshot: Snapshot, load: str, rejects: Path) -> str:
        """Take over the rejected rows of a load and return their path below the root."""
        target = self._home(snapshot.kind, snapshot.sha256) / f"rejects-{load}.parquet"
        rejects.chmod(0o444)
        name = target.relative_to(self.root).as_posix()
        if self.shared:
            self.shared.keep_file(name, rejects)
        os.replace(rejects, target)
        return name

    def rejects_path(self, name: str) -> Path:
        """Where the rejected rows are that ``put_rejects`` named. Raises NotFound when they are gone."""
        path = self.root / name
        if not REJECTS.fullmatch(name):
            raise NotFound(f"“{name}” names no rejected rows.")
        if not path.is_file() and self.shared:
            with self.workspace() as directory:
                self.shared.fetch_file(name, directory / path.name)
                path.parent.mkdir(parents=True, exist_ok=True)
                os.replace(directory / path.name, path)
        if not path.is_file():
            raise NotFound(f"The rejected rows “{name}” are no longer in the store.")
        return path

    def get(self, kind: str, sha256: str) -> Snapshot:
        """The snapshot of these rows, which stay where they are. Raises NotFound."""
        file = self._home(kind, sha256) / "snapshot.json"
        if file.exists():
            known = json.loads(file.read_bytes())
        elif self.shared:
            known = self.shared.known(self._name(kind, sha256))
        else:
            raise NotFound(f"There is no stored dataset of kind {kind} with fingerprint {sha256}.")
        for name in ("window_start", "window_end"):
            known[name] = datetime.fromisoformat(known[name]) if known[name] else None
        return Snapshot(**known | {"currencies": tuple(known["currencies"])})

    def rows_path(self, snapshot: Snapshot) -> Path:
        """Where the rows are. Raises NotFound when the file is gone."""
        home = self._home(snapshot.kind, snapshot.sha256)
        path = home / "rows.parquet"
        if self.shared and not self.shared.is_sound(home):
            self._fetch(snapshot.kind, snapshot.sha256)
        if not path.exists():
            if self.behind:
                return self.behind.rows_path(snapshot)
            raise NotFound(f"The rows of dataset {snapshot.sha256} are no longer in the store.")
        return path

    def _fetch(self, kind: str, sha256: str) -> None:
        """Bring a shared snapshot here, whole. Another process may do the same at the same time."""
        assert self.shared is not None
        home = self._home(kind, sha256)
        with self.workspace() as directory:
            staging = directory / "snapshot"
            staging.mkdir()
            self.shared.fetch(self._name(kind, sha256), staging)
            home.parent.mkdir(parents=True, exist_ok=True)
            try:
                staging.rename(home)
            except OSError:
                if not home.is_dir():
                    raise
                for file in sorted(staging.iterdir()):  # over what is damaged, each file at once
                    os.replace(file, home / file.name)

    def _name(self, kind: str, sha256: str) -> str:
        return self._home(kind, sha256).relative_to(self.root).as_posix()

    def _home(self, kind: str, sha256: str) -> Path:
        if kind not in CONTRACTS or not SHA256.fullmatch(sha256):
            raise NotFound(f"“{kind}/{sha256}” names no dataset.")
        return self.root / kind / sha256

    @staticmethod
    def address(kind: str, sha256: str) -> str:
        """The path of the rows below the root."""
        return f"{kind}/{sha256}/rows.parquet"
