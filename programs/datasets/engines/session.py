"""DuckDB as we use it: in memory, for one piece of work, able to touch only the folders it is given."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from programs.datasets.loading.limits import Limits


@contextmanager
def hardened(directories: Iterable[Path], limits: Limits) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory connection that reads and writes below ``directories`` only, in UTC.

    No extension is ever installed or loaded, and the configuration is locked: a statement cannot open
    other files or the network, whatever gets into it. What does not fit in memory spills to a folder of
    its own, which is removed.
    """
    with tempfile.TemporaryDirectory(prefix="gtm-query-") as spill:
        connection = duckdb.connect(
            ":memory:",
            config={
                "threads": limits.threads,
                "memory_limit": limits.memory,
                "temp_directory": spill,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
            },
        )
        try:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET Calendar = 'gregorian'")
            allowed = [f"{directory.resolve()}/" for directory in directories]
            connection.execute("SET allowed_directories = $allowed", {"allowed": allowed})
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield connection
        finally:
            connection.close()


def one_row(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, Any] | None = None
) -> tuple[Any, ...]:
    """The one row of an aggregate."""
    row = connection.execute(query, parameters or {}).fetchone()
    if row is None:
        raise LookupError("the query has no row")
    return row
