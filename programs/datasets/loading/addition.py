"""Rows added to those that are there: one snapshot of both, the overlap settled by the natural key.

Rows with a full key: the same row is kept once; of two rows of one key the one with the later ``latest_by``
stays, and else that of the later load, which knows more. Rows without a full key count as often as the part
that shows them most often, as in a load of several files: parts added one by one are one load of all.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from programs.datasets.contracts import Contract, contract_of
from programs.datasets.engines.session import hardened, one_row
from programs.datasets.loading.ingest import write_snapshot
from programs.datasets.loading.limits import Limits
from programs.datasets.loading.staging import DUPLICATE, SUPERSEDED, row_digest
from programs.datasets.snapshots.store import Snapshot, SnapshotStore


@dataclass(frozen=True, slots=True)
class Addition:
    """``snapshot`` holds both. Of the new rows ``same`` were there, ``added`` are new, ``replaced`` took the
    place of an older row of their key, ``outdated`` are older than the row that is there."""

    snapshot: Snapshot
    added: int
    same: int
    replaced: int
    outdated: int


def add_rows(
    store: SnapshotStore, there: Path, new: Path, kind: str, *, limits: Limits | None = None
) -> Addition:
    """Write rows at ``there`` and ``new`` as one snapshot into ``store``, in the memory of ``limits``."""
    contract, limits = contract_of(kind), limits or Limits()
    with (
        store.workspace() as directory,
        hardened([directory, there.parent, new.parent], limits) as connection,
    ):
        _open(connection, contract, there, new)
        _settle(connection, contract)
        counts = dict(
            connection.execute("SELECT file_no || outcome, count(*) FROM fate GROUP BY ALL").fetchall()
        )
        (total,) = one_row(connection, "SELECT count(*) FROM good WHERE file_no = 1")
        snapshot = write_snapshot(connection, contract, directory / "rows.parquet")
        store.put(snapshot, directory / "rows.parquet")
    same, outdated, replaced = (counts.get(name, 0) for name in ("1same", "1older", "0older"))
    return Addition(snapshot, total - same - outdated - replaced, same, replaced, outdated)


def shared_keys(there: Path, new: Path, kind: str, *, limits: Limits | None = None) -> int:
    """How many of the new rows have a key that is there. The kind must have a key."""
    contract = contract_of(kind)
    with hardened([there.parent, new.parent], limits or Limits()) as connection:
        for name, path in (("there", there), ("new", new)):
            connection.execute(
                f"CREATE TEMP VIEW {name} AS {stored_rows(connection, contract, path, f'{name}_stored')}"
            )
        key, keyed = ", ".join(contract.key), contract.has_key
        query = f"""
            SELECT count(*) FROM (FROM new WHERE {keyed}) SEMI JOIN (FROM there WHERE {keyed}) USING ({key})
        """  # noqa: S608
        (count,) = one_row(connection, query)
    return int(count)


def other_person(
    there: Path, new: Path, kind: str, *, limits: Limits | None = None
) -> tuple[str, str, str] | None:
    """A key that has one member in the rows that are there and another in the new ones: (key, one, other).

    Two shops both have an order 1001; one would take the place of the other.
    """
    contract = contract_of(kind)
    if len(contract.key) != 1 or contract.key == ("member_id",) or "member_id" not in contract.by_name:
        return None
    with hardened([there.parent, new.parent], limits or Limits()) as connection:
        for name, path in (("there", there), ("new", new)):
            connection.execute(
                f"CREATE TEMP VIEW {name} AS {stored_rows(connection, contract, path, f'{name}_stored')}"
            )
        (key,) = contract.key
        found: tuple[str, str, str] | None = connection.execute(f"""
            SELECT {key}, there.member_id, new.member_id FROM new JOIN there USING ({key})
            WHERE there.member_id <> new.member_id ORDER BY {key}, 2, 3 LIMIT 1
        """).fetchone()  # noqa: S608
        return found


def _open(connection: duckdb.DuckDBPyConnection, contract: Contract, there: Path, new: Path) -> None:
    """``good``: the rows of both with their digest. Columns that an older contract had not are filled in."""
    parts = (
        f'SELECT {number} AS file_no, row_number() OVER () AS "row", * '  # noqa: S608
        f"FROM ({stored_rows(connection, contract, path, f'part{number}')})"
        for number, path in enumerate((there, new))
    )
    derived = ", ".join(f"{expression} AS {name}" for name, expression in contract.derived)
    both = f"SELECT * {f'REPLACE ({derived})' if derived else ''} FROM ({' UNION ALL '.join(parts)})"  # noqa: S608
    connection.execute(f"CREATE TABLE good AS SELECT *, {row_digest(contract)} AS digest FROM ({both})")  # noqa: S608


def stored_rows(connection: duckdb.DuckDBPyConnection, contract: Contract, path: Path, view: str) -> str:
    """SQL of the stored rows in the contract's columns of today."""
    stored = connection.read_parquet(str(path.resolve()))
    stored.create_view(view)
    columns = ", ".join(
        f"{column.name if column.name in stored.columns else 'NULL'}::{column.type.sql} AS {column.name}"
        for column in contract.columns
    )
    return f"SELECT {columns} FROM {view}"  # noqa: S608


def _settle(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """``fate``: the rows that are left out, "same" or "older"."""
    keyed = contract.has_key
    connection.execute(f"""
        CREATE TABLE fate AS
        WITH repeated AS (SELECT digest FROM good GROUP BY digest HAVING count(*) > 1),
        numbered AS (
            SELECT file_no, "row", digest,
                CASE WHEN {keyed} THEN 1
                ELSE row_number() OVER (PARTITION BY digest, file_no ORDER BY "row") END AS occurrence
            FROM good SEMI JOIN repeated USING (digest)
        )
        SELECT file_no, "row", 'same' AS outcome, ['{DUPLICATE}'] AS reasons FROM numbered
        QUALIFY row_number() OVER (PARTITION BY digest, occurrence ORDER BY file_no, "row") > 1
    """)  # noqa: S608
    if not contract.key:
        return
    key = ", ".join(contract.key)
    latest = contract.latest_by or "CAST(NULL AS TIMESTAMPTZ)"
    connection.execute(f"""
        INSERT INTO fate
        WITH left_over AS (
            SELECT file_no, "row", {key}, {latest} AS as_of
            FROM good ANTI JOIN fate USING (file_no, "row") WHERE {keyed}
        ),
        dated AS (
            SELECT file_no, "row", {key},
                CASE WHEN count(as_of) OVER (PARTITION BY {key}) = count(*) OVER (PARTITION BY {key})
                THEN as_of END AS as_of
            FROM left_over
        )
        SELECT file_no, "row", 'older', ['{SUPERSEDED}'] FROM dated
        QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY as_of DESC, file_no DESC) > 1
    """)  # noqa: S608
