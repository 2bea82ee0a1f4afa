"""JSON lines: one object a line; a line that is no object is a broken row, not a broken file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as arrow_csv

from programs.datasets.engines.session import hardened
from programs.datasets.loading.limits import MEBIBYTE, Limits, Options
from programs.datasets.loading.source import Source
from programs.datasets.readers.base import (
    BATCH_ROWS,
    BrokenRow,
    RawFile,
    check_headers,
    numbers_from,
    refuse,
    write_rows,
)
from programs.datasets.readers.unpack import Digest, to_utf8

NO_JSON = "\x1f"  # a control character may not stand in JSON text, so a line is one cell
OBJECT = "json_valid(line) AND json_type(try_cast(line AS JSON)) = 'OBJECT'"


def read_jsonl(source: Source, digest: Digest, directory: Path, options: Options, limits: Limits) -> RawFile:
    """Read a JSONL file into rows of text. Raises DatasetProblems when no line is an object."""
    text = directory / f"{digest.sha256}.txt"
    encoding = to_utf8(source, text, options.encoding, limits)
    lines = directory / f"{digest.sha256}.lines.parquet"
    try:
        total = write_rows(lines, source.label, 1, _lines(text), limits)
    except pa.ArrowInvalid as error:
        raise refuse(source.label, f"The file is not JSON lines: {error}.", code="not_jsonl") from error
    finally:
        text.unlink()
    with hardened([directory], limits) as connection:
        connection.read_parquet(str(lines)).project("row, c0 AS line").create_view("lines")
        headers = _headers(connection)
        check_headers(source.label, headers, limits)
        broken = _broken(connection)
        path = directory / f"{digest.sha256}.parquet"
        write_rows(path, source.label, len(headers), _cells(connection, headers), limits)
        typed = _numeric(connection, headers)
    lines.unlink()
    return RawFile(
        name=source.label,
        format="jsonl",
        sha256=digest.sha256,
        bytes=digest.bytes,
        headers=headers,
        rows=total,
        path=path,
        broken=broken,
        typed=typed,
        notes=(f"read as {encoding} JSON lines",),
    )


def _lines(text: Path) -> Iterator[tuple[pa.Array, list[pa.Array]]]:
    reader = arrow_csv.open_csv(
        text,
        read_options=arrow_csv.ReadOptions(column_names=["c0"], block_size=8 * MEBIBYTE),
        parse_options=arrow_csv.ParseOptions(
            delimiter=NO_JSON, quote_char=False, invalid_row_handler=lambda row: "error"
        ),
        convert_options=arrow_csv.ConvertOptions(column_types={"c0": pa.string()}, strings_can_be_null=False),
    )
    following = 1
    for batch in reader:
        yield numbers_from(following, batch.num_rows), batch.columns
        following += batch.num_rows


def _headers(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    query = f"""
        SELECT key FROM (
            SELECT unnest(json_keys(line)) AS key, row FROM lines WHERE {OBJECT}
        ) GROUP BY key ORDER BY min(row), key
    """  # noqa: S608
    return tuple(key for (key,) in connection.execute(query).fetchall())


def _broken(connection: duckdb.DuckDBPyConnection) -> tuple[BrokenRow, ...]:
    query = f"SELECT row, line FROM lines WHERE NOT coalesce({OBJECT}, false) ORDER BY row"  # noqa: S608
    return tuple(
        BrokenRow(row, "line is not a JSON object", line)
        for row, line in connection.execute(query).fetchall()
    )


def _pointers(headers: tuple[str, ...]) -> list[str]:
    return ["/" + header.replace("~", "~0").replace("/", "~1") for header in headers]


def _numeric(connection: duckdb.DuckDBPyConnection, headers: tuple[str, ...]) -> frozenset[str]:
    """The members that are JSON numbers wherever they are given: their decimal point is beyond doubt."""
    columns = ", ".join(
        f"bool_and(json_type(line, ${index + 1}) IN ('BIGINT', 'UBIGINT', 'DOUBLE', 'NULL'))"
        for index in range(len(headers))
    )
    row = connection.execute(f"SELECT {columns} FROM lines WHERE {OBJECT}", _pointers(headers)).fetchall()[0]  # noqa: S608
    return frozenset(header for header, numeric in zip(headers, row, strict=True) if numeric)


def _cells(
    connection: duckdb.DuckDBPyConnection, headers: tuple[str, ...]
) -> Iterator[tuple[pa.Array, list[pa.Array]]]:
    cells = ", ".join(f"json_extract_string(line, ${index + 1}) AS c{index}" for index in range(len(headers)))
    query = f"SELECT row, {cells} FROM lines WHERE {OBJECT} ORDER BY row"  # noqa: S608
    for batch in connection.execute(query, _pointers(headers)).to_arrow_reader(BATCH_ROWS):
        yield batch.columns[0], batch.columns[1:]
