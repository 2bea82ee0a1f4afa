"""Answers that this process has worked out before: snapshots never change, so neither do these.

The steps of a plan, its next revision and the next plan on the same data ask many of the same questions. A
key says everything that an answer depends on, the files themselves included: rows that were altered on disk
are read anew. What is kept is bounded, and what nobody asked for longest goes first.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from pathlib import Path

import pyarrow as pa

MOST_BYTES = 32 * 2**20
LARGEST_SHARE = 4
"""An answer of more than this part of all that is kept is not kept."""


class WorkedOut:
    """Question and all that it depends on → its answer."""

    def __init__(self, most_bytes: int = MOST_BYTES):
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Hashable, pa.Table] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def find(self, key: Hashable) -> pa.Table | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: Hashable, answer: pa.Table) -> None:
        size = answer.nbytes
        if size > self._most_bytes // LARGEST_SHARE:
            return
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = answer
            self._bytes += size
            while self._bytes > self._most_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= oldest.nbytes


def fingerprint(paths: Iterable[Path]) -> tuple[tuple[int, int], ...]:
    """What tells files from what they were: size, and time of the last change in nanoseconds."""
    return tuple((told.st_size, told.st_mtime_ns) for told in (path.stat() for path in paths))


worked_out = WorkedOut()
