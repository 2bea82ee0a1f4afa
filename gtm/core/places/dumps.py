"""The database in one file, and back into an empty one, by the tools of its maker.

SQLite copies itself while others write; PostgreSQL has ``pg_dump`` and ``pg_restore``, which must be on the
machine, at least as new as the server.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from django.db import connection

from gtm.core.errors import InvalidInput, Problem

WHOLE = ("--no-owner", "--no-privileges")
"""Roles are an installation's own: whoever restores owns what is restored."""


def vendor() -> str:
    return str(connection.vendor)


def is_empty() -> bool:
    """Whether the database has no table at all."""
    return not connection.introspection.table_names()


def write(to: Path) -> None:
    """The database as it is at one moment, into the file ``to``. Raises InvalidInput where it cannot be."""
    if vendor() == "sqlite":
        connection.ensure_connection()
        with closing(sqlite3.connect(to)) as copy:
            connection.connection.backup(copy)
        return
    _run("pg_dump", "--format=custom", *WHOLE, f"--file={to}")


def read(file: Path) -> None:
    """Fill the empty database from the file. Raises InvalidInput; PostgreSQL then has nothing of it."""
    if vendor() == "sqlite":
        connection.ensure_connection()
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as kept:
            kept.backup(connection.connection)
        return
    name = connection.settings_dict["NAME"]
    connection.close()
    _run("pg_restore", "--single-transaction", "--exit-on-error", *WHOLE, f"--dbname={name}", str(file))


def _run(tool: str, *arguments: str) -> None:
    if shutil.which(tool) is None:
        raise InvalidInput(
            f"{tool} is not on this machine.",
            problems=[Problem("database", f"{tool} copies a PostgreSQL database and was not found on PATH.")],
            hint="Install the client programs of PostgreSQL, as new as the server or newer.",
        )
    done = subprocess.run([tool, *arguments], env=os.environ | _reached(), capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        told = done.stderr.strip()[-2000:]
        raise InvalidInput(f"{tool} failed.", problems=[Problem("database", told or "It said nothing.")])


def _reached() -> dict[str, str]:
    told: dict[str, Any] = connection.settings_dict
    names = {
        "HOST": "PGHOST",
        "PORT": "PGPORT",
        "USER": "PGUSER",
        "PASSWORD": "PGPASSWORD",
        "NAME": "PGDATABASE",
    }
    found = {variable: str(told[name]) for name, variable in names.items() if told.get(name)}
    if socket := told.get("OPTIONS", {}).get("host"):
        found.setdefault("PGHOST", str(socket))
    return found
