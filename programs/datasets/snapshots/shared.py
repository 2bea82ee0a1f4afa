"""Snapshots that several hosts share: objects whose bytes are named by their SHA-256, fetched once a host.

``<kind>/<sha256>/snapshot.json`` says what a snapshot is and, in ``bytes``, the SHA-256 of the file of its
rows, ``rows-<that>.parquet``. So two hosts that store the same rows in other bytes never mix them: whoever
writes ``snapshot.json`` last names a file that is there. On a host, ``rows.sha256`` beside the rows is that
digest. A file is believed when its bytes have the digest: looked at once in each process while it stays the
same file.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Protocol

from gtm.core.canonical import document
from gtm.core.errors import NotFound

ROWS, KNOWN, DIGEST = "rows.parquet", "snapshot.json", "rows.sha256"
REJECTS = re.compile(r"[a-z_]+/[0-9a-f]{64}/rejects-[0-9a-f]+\.parquet")
SHA256 = re.compile(r"[0-9a-f]{64}")

_sound: dict[tuple[str, int, int, int], str] = {}
"""Path, inode, size and time of change of files that were looked at → their digest."""


class SharedObjects(Protocol):
    """The part of the object store in which the snapshots are; ``gtm.core.places.objects`` has it."""

    def put(self, name: str, content: bytes | Path) -> None: ...

    def read(self, name: str) -> bytes: ...

    def fetch(self, name: str, to: Path) -> None: ...


class SharedSnapshots:
    """The snapshots in an object store. ``name`` is ``<kind>/<sha256>`` throughout."""

    def __init__(self, objects: SharedObjects):
        self._objects = objects

    def keep(self, name: str, staging: Path) -> None:
        """Share what a folder holds, the rows first and what names them last; write its digest beside them.

        Also where it is shared already: a load again is how damaged objects are mended.
        """
        digest = digest_of(staging / ROWS)
        for rejects in staging.glob("rejects-*.parquet"):
            self.keep_file(f"{name}/{rejects.name}", rejects)
        known = json.loads((staging / KNOWN).read_bytes())
        self._objects.put(f"{name}/rows-{digest}.parquet", staging / ROWS)
        self._objects.put(f"{name}/{KNOWN}", document(known | {"bytes": digest}))
        (staging / DIGEST).write_text(digest)

    def keep_file(self, name: str, file: Path) -> None:
        """Share a file of rejected rows. It is named by its load, and the same load gives the same rows."""
        self._objects.put(name, file)

    def known(self, name: str) -> dict[str, Any]:
        """What ``snapshot.json`` says. Raises NotFound: gone, or damaged."""
        return self._read(name)[0]

    def rows_object(self, name: str) -> str:
        """The name of the object with the rows, which has the SHA-256 of its bytes. Raises NotFound."""
        return self._read(name)[1]

    def fetch(self, name: str, staging: Path) -> None:
        """Write rows, description and digest into a folder. Raises NotFound: gone, or damaged."""
        known, rows, digest = self._read(name)
        self._objects.fetch(rows, staging / ROWS)
        if digest_of(staging / ROWS) != digest:
            raise _damaged(rows)
        (staging / KNOWN).write_bytes(document(known))
        (staging / DIGEST).write_text(digest)
        for file in staging.iterdir():
            file.chmod(0o444)

    def _read(self, name: str) -> tuple[dict[str, Any], str, str]:
        """What is known of a snapshot, the name of its rows, and their digest."""
        known = json.loads(self._objects.read(f"{name}/{KNOWN}"))
        digest = known.pop("bytes", "")
        if f"{known.get('kind')}/{known.get('sha256')}" != name or not SHA256.fullmatch(digest):
            raise _damaged(f"{name}/{KNOWN}")
        return known, f"{name}/rows-{digest}.parquet", digest

    def fetch_file(self, name: str, to: Path) -> None:
        self._objects.fetch(name, to)

    def is_sound(self, home: Path) -> bool:
        """Whether this host's copy of the rows is what was kept."""
        try:
            told, state = (home / DIGEST).read_text(), (home / ROWS).stat()
            seen = (str(home), state.st_ino, state.st_size, state.st_mtime_ns)
            if seen not in _sound:
                _sound[seen] = digest_of(home / ROWS)
        except FileNotFoundError:
            return False
        return _sound[seen] == told and (home / KNOWN).is_file()


def digest_of(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _damaged(name: str) -> NotFound:
    return NotFound(
        f"The object “{name}” in the store of datasets is not what was kept under this name.",
        hint="Bring back its earlier version in the object store, or load the file of the data again.",
    )
