"""JSON: an object a line, an array of objects, or a document with an array somewhere in it.

A value inside an object is a column by its path: customer.id. A line that is no object is a broken row, not a
broken file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as arrow_csv

from programs.datasets.engines.session import hardened
from programs.datasets.loading.limits import MEBIBYTE, Limits, Options
from programs.datasets.loading.source import Source
from programs.datasets.loading.words import Wanted
from programs.datasets.readers.base import (
    BATCH_ROWS,
    BrokenRow,
    RawFile,
    check_headers,
    is_cut,
    numbers_from,
    refuse,
    write_rows,
)
from programs.datasets.readers.header import told_apart
from programs.datasets.readers.unpack import Digest, to_utf8

NO_JSON = "\x1f"  # a control character may not stand in JSON text, so a line is one cell
OBJECT = "json_valid(line) AND json_type(try_cast(line AS JSON)) = 'OBJECT'"
SAMPLE = 256 * 1024
DEEPEST = 6
LARGEST_DOCUMENT = 256 * MEBIBYTE
SCALARS = {"VARCHAR", "BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "DOUBLE", "BOOLEAN"}


def read_json(
    source: Source, digest: Digest, directory: Path, options: Options, limits: Limits, wanted: Wanted
) -> RawFile:
    """Read a JSON file into rows of text. Raises DatasetProblems when there is no object in it."""
    text = directory / f"{digest.sha256}.txt"
    encoding = to_utf8(source, text, options.encoding, limits, quotes_close=False).encoding
    objects = directory / f"{digest.sha256}.objects.parquet"
    try:
        shape, total = _objects(source, text, objects, options.records, wanted, limits)
    finally:
        text.unlink()
    with hardened([directory], limits) as connection:
        connection.read_parquet(str(objects)).project("row, c0 AS line").create_view("lines")
        columns, nested = _columns(connection, wanted)
        headers = told_apart([".".join(path) for path in columns])
        check_headers(source.label, headers, limits)
        broken = _broken(connection)
        path = directory / f"{digest.sha256}.parquet"
        pointers = [_pointer(steps) for steps in columns]
        write_rows(path, source.label, len(headers), _cells(connection, pointers, nested), limits)
        typed = _numeric(connection, headers, pointers)
    objects.unlink()
    return RawFile(
        name=source.label,
        format="json" if shape else "jsonl",
        sha256=digest.sha256,
        bytes=digest.bytes,
        headers=headers,
        rows=total,
        path=path,
        broken=broken,
        typed=typed,
        notes=(f"read as {encoding} {shape or 'JSON lines'}",),
        is_cut=is_cut(total, limits),
        written_as={"encoding": encoding, "records": shape or "JSON lines"},
        nested={
            header: "a list" for header, pointer in zip(headers, pointers, strict=True) if pointer in nested
        },
    )


def _objects(
    source: Source, text: Path, target: Path, records: str, wanted: Wanted, limits: Limits
) -> tuple[str, int]:
    """Write the text of each object as a row; return their shape ("": lines) and how many there are."""
    with text.open(encoding="utf-8") as file:
        sample = file.read(SAMPLE).lstrip()
    if sample.startswith("[") and not records:
        query = "SELECT json::VARCHAR AS line FROM read_json_objects($file, format = 'array', {size})"
        return "JSON array", _write_document(source, text, target, query, limits)
    place = records.split(".") if records else _place(source, sample, wanted)
    if not place:
        return "", _write_lines(source, text, target, limits)
    query = f"""
        SELECT unnest(json_extract(json, '{_pointer(place)}')::JSON[])::VARCHAR AS line
        FROM read_json_objects($file, format = 'unstructured', {{size}})
    """  # noqa: S608
    if not all(step.replace("_", "").replace("-", "").isalnum() for step in place):
        raise refuse(
            source.label, f"records is “{records}”, which is not a path such as data.orders.", code="option"
        )
    try:
        found = _write_document(source, text, target, query, limits)
    except duckdb.ConversionException:
        found = 0
    if not found:
        where = ".".join(place)
        raise refuse(
            source.label, f"There is no list of objects at “{where}”, where records says the rows are.",
            code="no_records", allowed=tuple(_lists(sample)),
        )  # fmt: skip
    return f"JSON, rows at {'.'.join(place)}", found


def _place(source: Source, sample: str, wanted: Wanted) -> list[str]:
    """Where the rows of one large object are; [] where each line is an object of its own."""
    first, _, rest = sample.partition("\n")
    try:
        document = json.loads(first)
    except ValueError:
        if first.rstrip() != "{" and len(first) < SAMPLE - 1:
            return []
        lists = _lists(sample)
    else:
        if rest.strip() or not isinstance(document, dict) or wanted.known(document):
            return []
        lists = _lists(sample)
    if len(lists) > 1:
        raise refuse(
            source.label,
            "The document has several lists of objects: set which one holds the rows, as records=…",
            code="ambiguous_records",
            allowed=tuple(lists),
        )
    return lists[0].split(".") if lists else []


def _lists(sample: str) -> list[str]:
    """Members of a document that are lists of objects, at the top or one step below, as far as it parses."""
    try:
        document = json.loads(sample)
    except ValueError:
        return [name for name in NAMES if f'"{name}"' in sample]
    found = []
    for name, value in document.items() if isinstance(document, dict) else ():
        inner = [(f"{name}.{key}", held) for key, held in value.items()] if isinstance(value, dict) else []
        found += [
            where
            for where, held in ((name, value), *inner)
            if isinstance(held, list) and held and all(isinstance(each, dict) for each in held)
        ]
    return found


EACH = "[]"
"""Behind the name of a list in a path: every object in it."""
NAMES = ("data", "results", "items", "records", "orders", "rows", "value")
"""What interfaces call the list of rows; asked of a document too large to be parsed for a look."""


def _write_document(source: Source, text: Path, target: Path, query: str, limits: Limits) -> int:
    size = f"maximum_object_size = {LARGEST_DOCUMENT}"

    def batches(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[pa.Array, list[pa.Array]]]:
        following = 1
        reader = connection.execute(query.format(size=size), {"file": str(text)}).to_arrow_reader(BATCH_ROWS)
        for batch in reader:
            yield numbers_from(following, batch.num_rows), batch.columns
            following += batch.num_rows

    with hardened([text.parent], limits) as connection:
        try:
            return write_rows(target, source.label, 1, batches(connection), limits)
        except duckdb.InvalidInputException as error:
            where = str(error).partition(" in file ")[2].partition(", ")[2]
            raise refuse(
                source.label, f"The file is not JSON: it is malformed {where}", code="not_json"
            ) from error


def _write_lines(source: Source, text: Path, target: Path, limits: Limits) -> int:
    try:
        return write_rows(target, source.label, 1, _lines(text), limits)
    except pa.ArrowInvalid as error:
        raise refuse(source.label, f"The file is not JSON lines: {error}.", code="not_jsonl") from error


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


def _broken(connection: duckdb.DuckDBPyConnection) -> tuple[BrokenRow, ...]:
    query = f"SELECT row, line FROM lines WHERE NOT coalesce({OBJECT}, false) ORDER BY row"  # noqa: S608
    return tuple(
        BrokenRow(row, "line is not a JSON object", line)
        for row, line in connection.execute(query).fetchall()
    )


def _columns(connection: duckdb.DuckDBPyConnection, wanted: Wanted) -> tuple[list[tuple[str, ...]], set[str]]:
    """The path of every value, in the order they come, and the pointers of those that are lists.

    An object is no value: what is in it is. A path that the person named is taken into lists: lines.0.price,
    or refunds[].total, the sum over the list.
    """
    paths: list[tuple[str, ...]] = []
    nested: set[str] = set()
    level: list[tuple[str, ...]] = [()]
    while level:
        below: list[tuple[str, ...]] = []
        for parent in level:
            for key, types in _members(connection, parent):
                path = (*parent, key)
                deeper = "OBJECT" in types and len(path) < DEEPEST
                if deeper:
                    below.append(path)
                if not deeper or types & SCALARS or "ARRAY" in types:
                    paths.append(path)
                    if not types & SCALARS and types & {"ARRAY", "OBJECT"}:
                        nested.add(_pointer(path))
        level = below
    known = {".".join(path) for path in paths}
    paths += [
        tuple(name.split("."))
        for name in sorted(wanted.named)
        if name not in known and any(step.isdecimal() or step.endswith(EACH) for step in name.split("."))
    ]
    return paths, nested


def _members(connection: duckdb.DuckDBPyConnection, parent: tuple[str, ...]) -> list[tuple[str, set[str]]]:
    """The keys of the objects at a path, in the order they come, with the types of what they hold."""
    inside = "json_extract(line, $pointer)" if parent else "line::JSON"
    query = f"""
        WITH held AS (SELECT row, {inside} AS object FROM lines WHERE {OBJECT}),
        keys AS (
            SELECT row, object, unnest(json_keys(object)) AS key FROM held WHERE json_type(object) = 'OBJECT'
        )
        SELECT key, list(DISTINCT json_type(object, '/' || replace(replace(key, '~', '~0'), '/', '~1')))
        FROM keys GROUP BY key ORDER BY min(row), key
    """  # noqa: S608
    said = {"pointer": _pointer(parent)} if parent else {}
    return [(key, set(types)) for key, types in connection.execute(query, said).fetchall()]


def _pointer(path: tuple[str, ...] | list[str]) -> str:
    if any(step.endswith(EACH) for step in path):
        return "$" + "".join(f'."{step.removesuffix(EACH)}"' + "[*]" * step.endswith(EACH) for step in path)
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)


def _numeric(
    connection: duckdb.DuckDBPyConnection, headers: tuple[str, ...], pointers: list[str]
) -> frozenset[str]:
    """The members that are JSON numbers wherever they are given: their decimal point is beyond doubt."""
    columns = ", ".join(
        f"bool_and(${index + 1} NOT LIKE '$%' "
        f"AND json_type(line, ${index + 1}) IN ('BIGINT', 'UBIGINT', 'DOUBLE', 'NULL'))"
        if not pointers[index].startswith("$")
        else f"bool_and(${index + 1} IS NULL)"
        for index in range(len(headers))
    )
    row = connection.execute(f"SELECT {columns} FROM lines WHERE {OBJECT}", pointers).fetchall()[0]  # noqa: S608
    return frozenset(header for header, numeric in zip(headers, row, strict=True) if numeric)


def _cells(
    connection: duckdb.DuckDBPyConnection, pointers: list[str], nested: set[str]
) -> Iterator[tuple[pa.Array, list[pa.Array]]]:
    """The text of each value; an object where other rows have a value is none, but has columns of its own."""

    def cell(index: int, pointer: str) -> str:
        text = f"json_extract_string(line, ${index + 1})"
        if pointer.startswith("$"):
            each = f"list_transform({text}, lambda x: try_cast(x AS DECIMAL(38, 9)))"
            return f"CAST(list_sum({each}) AS VARCHAR) AS c{index}"
        if pointer in nested:
            return f"{text} AS c{index}"
        return (
            f"CASE WHEN json_type(line, ${index + 1}) NOT IN ('OBJECT', 'ARRAY') THEN {text} END AS c{index}"
        )

    cells = ", ".join(cell(index, pointer) for index, pointer in enumerate(pointers))
    query = f"SELECT row, {cells} FROM lines WHERE {OBJECT} ORDER BY row"  # noqa: S608
    for batch in connection.execute(query, pointers).to_arrow_reader(BATCH_ROWS):
        yield batch.columns[0], batch.columns[1:]
