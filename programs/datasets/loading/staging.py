"""From rows of text to typed rows with their reasons, and the fate of every row: SQL over all files.

Tables in the connection: ``converted`` (file_no, row, our columns, reasons), ``good`` (with the digest of
the canonical row), ``fate`` (file_no, row, outcome, reasons of every row that is not accepted).
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from programs.datasets.contracts import Contract, Type
from programs.datasets.loading.conventions import (
    NUMBERS,
    TIMES_AND_DATES,
    Convention,
    detect_dates,
    detect_decimals,
)
from programs.datasets.loading.conversion import Converted, Parameters, convert
from programs.datasets.loading.currency import currency_conversion, currency_of_load
from programs.datasets.loading.limits import Limits, Options
from programs.datasets.loading.problems import Problem
from programs.datasets.readers import RawFile

DUPLICATE = "the same row again"
SUPERSEDED = "an older row of the same key"
CONFLICT = "contradicts another row of the same key"


@dataclass(frozen=True, slots=True)
class Staged:
    """A file with its columns found: ``view`` in the connection, ours → position, conventions."""

    raw: RawFile
    view: str
    columns: dict[str, int]
    conventions: dict[str, Convention]
    currency: str


def stage(
    connection: duckdb.DuckDBPyConnection,
    raw: RawFile,
    view: str,
    contract: Contract,
    columns: dict[str, int],
    options: Options,
) -> tuple[Staged, list[Problem], list[str]]:
    """Register a file and find how it writes dates, decimals and money."""
    connection.read_parquet(str(raw.path)).create_view(view)
    conventions: dict[str, Convention] = {}
    problems: list[Problem] = []
    notes: list[str] = []
    for name, index in columns.items():
        type_ = contract.by_name[name].type
        found: tuple[Convention, list[Problem], list[str]] = (Convention(), [], [])
        if raw.headers[index] not in raw.typed:
            where = f"{raw.name}: {name}"
            if type_ in TIMES_AND_DATES:
                found = detect_dates(connection, view, f"c{index}", where, options)
            elif type_ in NUMBERS:
                found = detect_decimals(connection, view, f"c{index}", where, options)
        conventions[name] = found[0]
        problems += found[1]
        notes += found[2]
    currency, more = currency_of_load(connection, view, raw.name, contract, columns, options)
    return Staged(raw, view, columns, conventions, currency), problems + more, notes


def convert_all(
    connection: duckdb.DuckDBPyConnection,
    staged: list[Staged],
    contract: Contract,
    options: Options,
    limits: Limits,
) -> None:
    """Fill ``converted`` and ``good``."""
    columns = ", ".join(f"{column.name} {column.type.sql}" for column in contract.columns)
    connection.execute(
        f'CREATE TABLE converted (file_no INTEGER, "row" BIGINT, {columns}, reasons VARCHAR[])'
    )
    for number, file in enumerate(staged):
        query, parameters = _conversion(number, file, contract, options, limits)
        connection.execute(f"INSERT INTO converted {query}", parameters)
    connection.execute(f"""
        CREATE TABLE good AS
        SELECT * EXCLUDE (reasons), {row_digest(contract)} AS digest FROM converted WHERE len(reasons) = 0
    """)  # noqa: S608


def row_digest(contract: Contract) -> str:
    """SQL of the SHA-256 of a row in canonical form.

    Each value is its length, a colon and its text; null is a dash. Times are microseconds since 1970 UTC,
    amounts have four decimals.
    """

    def text(name: str, type_: Type) -> str:
        return f"epoch_us({name})::VARCHAR" if type_ is Type.TIMESTAMP else f"{name}::VARCHAR"

    parts = [text(column.name, column.type) for column in contract.columns]
    prefixed = (f"coalesce(strlen({part}) || ':' || {part}, '-')" for part in parts)
    return f"sha256({' || '.join(prefixed)})"


def _conversion(
    number: int, file: Staged, contract: Contract, options: Options, limits: Limits
) -> tuple[str, dict[str, object]]:
    bind = Parameters()
    converted: dict[str, Converted] = {}
    for column in contract.columns:
        if column.name in file.columns:
            cell = f"c{file.columns[column.name]}"
            how = file.conventions[column.name]
            converted[column.name] = convert(column, cell, how, options, limits, bind)
    query = f"SELECT * FROM {file.view}"  # noqa: S608
    for depth in range(max(len(found.steps) for found in converted.values())):
        steps = [found.steps[depth] for found in converted.values() if len(found.steps) > depth]
        listed = ", ".join(f"{expression} AS {name}" for name, expression in steps)
        query = f"SELECT *, {listed} FROM ({query})"  # noqa: S608
    values = {name: found.value for name, found in converted.items()}
    reasons = [
        (condition, f"{name}: {words}")
        for name, found in converted.items()
        for condition, words in found.reasons
    ]
    if "currency" in contract.by_name:
        values["currency"], more = currency_conversion(contract, file.columns, file.currency)
        reasons += more
    selected = ", ".join(
        f"CAST({values.get(column.name, 'NULL')} AS {column.type.sql}) AS {column.name}"
        for column in contract.columns
    )
    listed = ", ".join(f"CASE WHEN {condition} THEN {bind.bind(words)} END" for condition, words in reasons)
    query = f'SELECT "row", {selected}, [{listed}] AS found FROM ({query})'  # noqa: S608
    rules = ", ".join(
        f"CASE WHEN {rule.broken} THEN {bind.bind(f'{rule.column}: {rule.reason}')} END"
        for rule in contract.rules
    )
    derived = dict(contract.derived)
    names = ", ".join(
        f"{derived[c.name]} AS {c.name}" if c.name in derived else c.name for c in contract.columns
    )
    query = f"""
        SELECT {number}, "row", {names}, list_filter(found || [{rules}]::VARCHAR[], lambda x: x IS NOT NULL)
        FROM ({query})
    """  # noqa: S608
    return query, bind.values


def settle(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """Fill ``fate``: rejected rows, then duplicates, superseded rows and conflicts among the good ones.

    What is kept depends on what the rows say, never on their order or on the order of the files.
    """
    keyed = contract.has_key
    connection.execute(f"""
        CREATE TABLE fate AS
        SELECT file_no, "row", 'rejected' AS outcome, reasons FROM converted WHERE len(reasons) > 0;
        INSERT INTO fate
        WITH repeated AS (SELECT digest FROM good GROUP BY digest HAVING count(*) > 1),
        numbered AS (
            SELECT file_no, "row", digest,
                CASE WHEN {keyed} THEN 1
                ELSE row_number() OVER (PARTITION BY digest, file_no ORDER BY "row") END AS occurrence
            FROM good SEMI JOIN repeated USING (digest)
        )
        SELECT file_no, "row", 'duplicate', ['{DUPLICATE}'] FROM numbered
        QUALIFY row_number() OVER (PARTITION BY digest, occurrence ORDER BY file_no, "row") > 1;
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
        contested AS (
            SELECT {key}, max(as_of) AS newest, count_if(as_of IS NULL) AS undated
            FROM left_over GROUP BY {key} HAVING count(*) > 1
        ),
        judged AS (
            SELECT file_no, "row", as_of, newest,
                undated = 0 AND
                    count_if(as_of = newest) OVER (PARTITION BY {key}) = 1 AS settled
            FROM left_over JOIN contested USING ({key})
        )
        SELECT file_no, "row",
            CASE WHEN settled THEN 'duplicate' ELSE 'rejected' END,
            [CASE WHEN settled THEN '{SUPERSEDED}' ELSE '{CONFLICT}' END]
        FROM judged WHERE NOT (settled AND as_of = newest)
    """)  # noqa: S608
