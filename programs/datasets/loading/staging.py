"""From rows of text to typed rows with their reasons, and the fate of every row: SQL over all files.

Tables in the connection: ``converted`` (file_no, row, our columns, reasons), ``good`` (with the digest of
the canonical row), ``fate`` (file_no, row, outcome, reasons of every row that is not accepted).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import duckdb

from programs.datasets.contracts import Contract, Type
from programs.datasets.loading.amounts import further, settle_amounts
from programs.datasets.loading.conventions import (
    NUMBERS,
    TIMES_AND_DATES,
    Convention,
    detect_dates,
    detect_decimals,
)
from programs.datasets.loading.conversion import ConversionTerms, Converted, Parameters, convert
from programs.datasets.loading.currency import currency_conversion, currency_of_load
from programs.datasets.loading.doubts import doubts
from programs.datasets.loading.folding import fold
from programs.datasets.loading.limits import Limits, Options
from programs.datasets.loading.problems import Problem, nearest
from programs.datasets.loading.questioned import QuestionedFile
from programs.datasets.loading.said import Said
from programs.datasets.loading.selecting import position, select_rows
from programs.datasets.loading.sources import ORIGINAL, of_source, source_of
from programs.datasets.loading.words import SHORT_ZONES, short_zone_of, zone_of
from programs.datasets.readers import RawFile

NUMBERS_ARE_NO_DATES = ("json", "jsonl")  # a typed value of theirs that is a date is a number that counts
DUPLICATE = "the same row again"
SUPERSEDED = "an older row of the same key"
CONFLICT = "contradicts another row of the same key"


@dataclass(frozen=True, slots=True)
class Staged:
    """A file with its columns found: ``view`` in the connection, ours → position, conventions.

    ``further``: columns of theirs beside ours that the amount is computed with, name → position.
    ``original``: the position of the column that names the row which a refund changes; ``time_of_day``: of
    the one with the time beside the day.
    """

    raw: RawFile
    view: str
    columns: dict[str, int]
    conventions: dict[str, Convention]
    currency: str
    further: dict[str, int]
    original: int | None = None
    time_of_day: int | None = None

    def cell(self, ours: str, contract: Contract) -> str:
        """SQL of what the file says for a column of ours: a day with its time of day behind it."""
        cell = f"c{self.columns[ours]}"
        return cell if self.time_of_day is None or ours != contract.time else _at(cell, self.time_of_day)


def _at(day: str, time_of_day: int) -> str:
    return f"trim(trim({day}) || ' ' || coalesce(trim(c{time_of_day}), ''))"


def create_tables(connection: duckdb.DuckDBPyConnection, contract: Contract) -> None:
    """The tables that every file adds to."""
    columns = ", ".join(f"{column.name} {column.type.sql}" for column in contract.columns)
    connection.execute(f"""
        CREATE TABLE converted (file_no INTEGER, "row" BIGINT, {columns}, reasons VARCHAR[]);
        CREATE TABLE left_out (file_no INTEGER, "row" BIGINT, reason VARCHAR);
        CREATE TABLE folded (file_no INTEGER, "row" BIGINT);
    """)


def stage(
    connection: duckdb.DuckDBPyConnection,
    raw: RawFile,
    number: int,
    contract: Contract,
    columns: dict[str, int],
    options: Options,
    said: Said,
) -> tuple[Staged, list[Problem], list[str]]:
    """Register the rows of a file that are to be loaded, and find how it writes dates, decimals and money."""
    places = {name: place for name in said.columns if (place := position(raw, name)) is not None}
    further_places = {name: places[header] for name, (header, _) in further(said).items() if header in places}
    absent = [
        Problem(raw.name, (f"The options name a column “{name}”, but the file has no "
"such column."), allowed=raw.headers,
                nearest=nearest(name, raw.headers), code="missing_column")
        for name in said.columns if name not in places
    ]  # fmt: skip
    if absent:
        return Staged(raw, "", columns, {}, "", {}), absent, []
    view = f"raw{number}"
    raw = select_rows(connection, raw, number, view, columns, places, options, said)
    time_of_day = places.get(said.time)
    conventions: dict[str, Convention] = {}
    problems: list[Problem] = []
    notes: list[str] = []
    types = {name: contract.by_name[name].type for name in columns} | dict.fromkeys(
        further_places, Type.MONEY
    )
    for name, index in (columns | further_places).items():
        header = raw.headers[index]
        found: tuple[Convention, list[Problem], list[str]] = (Convention(), [], [])
        if header not in raw.typed or (types[name] in TIMES_AND_DATES and raw.format in NUMBERS_ARE_NO_DATES):
            where = f"{raw.name}: {name if name in columns else header}"
            if types[name] in TIMES_AND_DATES:
                cell = (
                    f"c{index}"
                    if time_of_day is None or name != contract.time
                    else _at(f"c{index}", time_of_day)
                )
                found = detect_dates(connection, view, cell, where, options)
            elif types[name] in NUMBERS:
                found = detect_decimals(connection, view, f"c{index}", where, options)
        conventions[name] = found[0]
        if types[name] is Type.TIMESTAMP and (zone := zone_of(header)):
            conventions[name] = replace(found[0], zone=zone)
            notes.append(f"{raw.name}: {name}: times read in {zone}, as the header says")
        elif types[name] is Type.TIMESTAMP and (short := short_zone_of(header)) and not options.zone_is_said:
            problems.append(_unclear_zone(raw, name, header, short))
        problems += found[1]
        notes += found[2]
    currency, more = currency_of_load(connection, view, raw, contract, columns, options, said)
    asked = doubts(QuestionedFile(connection, view, raw, contract, columns, options, said))
    original = places.get(said.original) if contract.key[-1:] and contract.key[0] in columns else None
    staged = Staged(raw, view, columns, conventions, currency, further_places, original, time_of_day)
    return staged, problems + more + asked, notes


def _unclear_zone(raw: RawFile, ours: str, header: str, short: str) -> Problem:
    return Problem(
        f"{raw.name}: {ours}",
        f"“{header}” says {short}, and not whether summer time counts. Set time_zone to the place whose "
        "clocks it means.",
        allowed=SHORT_ZONES.get(short, ()) or ("an IANA time zone, such as Europe/Berlin",),
        code="unclear_zone",
    )


def convert_all(
    connection: duckdb.DuckDBPyConnection,
    staged: list[Staged],
    contract: Contract,
    options: Options,
    limits: Limits,
    said: Said,
) -> None:
    """Fill ``converted`` and ``good``."""
    for number, file in enumerate(staged):
        query, parameters = _conversion(
            number, file, contract, ConversionTerms(options, limits, said.words, said.nobody), said
        )
        connection.execute(f"INSERT INTO converted {query}", parameters)
    if options.line_items not in ("", "none"):
        fold(connection, contract, options.line_items)
    derived = ", ".join(f"{expression} AS {name}" for name, expression in contract.derived)
    filled = f"* EXCLUDE (reasons) REPLACE ({derived})" if derived else "* EXCLUDE (reasons)"
    connection.execute(f"""
        CREATE TABLE good AS
        SELECT *, {row_digest(contract)} AS digest
        FROM (SELECT {filled} FROM converted WHERE len(reasons) = 0)
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
    number: int, file: Staged, contract: Contract, told: ConversionTerms, said: Said
) -> tuple[str, dict[str, object]]:
    options = told.options
    bind = Parameters()
    converted: dict[str, Converted] = {}
    for column in contract.columns:
        if column.name in said.constants:
            converted[column.name] = convert(
                column, bind.bind(said.constants[column.name]), Convention(), told, bind
            )
        elif column.name in file.columns:
            cell = file.cell(column.name, contract)
            converted[column.name] = convert(column, cell, file.conventions[column.name], told, bind)
    if file.original is not None:
        numbered = replace(contract.by_name[contract.key[0]], name=ORIGINAL, required=False)
        converted[ORIGINAL] = convert(numbered, f"c{file.original}", Convention(), told, bind)
    for name, (_, amount) in further(said).items():
        converted[name] = convert(amount, f"c{file.further[name]}", file.conventions[name], told, bind)
    query = f"SELECT * FROM {file.view}"  # noqa: S608
    steps = [
        [found.steps[depth] for found in converted.values() if len(found.steps) > depth]
        for depth in range(max(len(found.steps) for found in converted.values()))
    ]
    values = {name: found.value for name, found in converted.items()}
    reasons = [
        (condition, f"{name}: {words}")
        for name, found in converted.items()
        for condition, words in found.reasons
    ]
    if "currency" in contract.by_name:
        named = "currency" in converted
        currency = currency_conversion(contract, file.columns, file.currency, named=named)
        values["currency"] = currency.value
        reasons += currency.reasons
        steps += map(list, currency.steps)
    reasons += settle_amounts(values, contract, options, said)
    if options.source:
        place = position(file.raw, options.source)
        source = f"trim(c{place})" if place is not None else bind.bind(source_of(file.raw, options))
        of_source(values, contract, source)
    for step in steps:
        listed = ", ".join(f"{expression} AS {name}" for name, expression in step)
        query = f"SELECT *, {listed} FROM ({query})"  # noqa: S608
    selected = ", ".join(
        f"CAST({values.get(column.name, 'NULL')} AS {column.type.sql}) AS {column.name}"
        for column in contract.columns
    )
    if ORIGINAL in values:
        selected += f", {values[ORIGINAL]} AS {ORIGINAL}"
    listed = ", ".join(f"CASE WHEN {condition} THEN {bind.bind(words)} END" for condition, words in reasons)
    query = f'SELECT "row", {selected}, [{listed}] AS found FROM ({query})'  # noqa: S608
    rules = ", ".join(
        f"CASE WHEN {rule.broken} THEN {bind.bind(f'{rule.column}: {rule.reason}')} END"
        for rule in contract.rules
    )
    names = ", ".join(
        _named_by_the_changed(contract) if ORIGINAL in values and column.name in contract.key else column.name
        for column in contract.columns
    )
    query = f"""
        SELECT {number}, "row", {names}, list_filter(found || [{rules}]::VARCHAR[], lambda x: x IS NOT NULL)
        FROM ({query})
    """  # noqa: S608
    return query, bind.values


def _named_by_the_changed(contract: Contract) -> str:
    """SQL of the key of a row: where it changes another one, that one's."""
    (key,) = contract.key
    changes = contract.unkeyed.replace("movement", f"({dict(contract.derived)['movement']})")
    return f"CASE WHEN {changes} THEN coalesce({ORIGINAL}, {key}) ELSE {key} END AS {key}"


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
