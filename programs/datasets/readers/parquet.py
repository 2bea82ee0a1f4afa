"""Parquet: typed cells become the text a machine would write, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from programs.datasets.loading.limits import MEBIBYTE, Limits, Options
from programs.datasets.loading.source import Source
from programs.datasets.readers.base import (
    BATCH_ROWS,
    RawFile,
    check_headers,
    is_cut,
    numbers_from,
    refuse,
    write_rows,
)
from programs.datasets.readers.header import told_apart
from programs.datasets.readers.unpack import Digest

SMALL_BYTES = 256 * MEBIBYTE
"""So much may come of any file, however small: a column with one value for many rows is a common thing."""
PIECE_BYTES = 32 * MEBIBYTE


def read_parquet(
    source: Source, digest: Digest, directory: Path, options: Options, limits: Limits
) -> RawFile:
    """Read a Parquet file into rows of text. A field of a struct is a column by its path: customer.id."""
    path = directory / f"{digest.sha256}.parquet"
    try:
        with pq.ParquetFile(source.path, read_dictionary=_texts(source.path)) as file:
            paths, types = _leaves(file.schema_arrow)
            headers = told_apart([".".join(steps) for steps in paths])
            check_headers(source.label, headers, limits)
            _check_size(source, file.metadata, limits)
            rows = write_rows(
                path, source.label, len(headers), _batches(file, source, digest, limits), limits
            )
            by_header = dict(zip(headers, types, strict=True))
            nested = {
                header: f"of type {type_}" for header, type_ in by_header.items() if not _is_plain(type_)
            }
    except (pa.ArrowException, OSError, UnicodeDecodeError, OverflowError) as error:
        if getattr(error, "errno", None):  # a disk that is full says nothing of the file
            raise
        raise refuse(source.label, f"The Parquet file is damaged: {error}.", code="damaged") from error
    return RawFile(
        name=source.label,
        format="parquet",
        sha256=digest.sha256,
        bytes=digest.bytes,
        headers=headers,
        rows=rows,
        path=path,
        typed=frozenset(header for header, type_ in by_header.items() if not _is_text(type_)),
        notes=("read as Parquet",),
        is_cut=is_cut(rows, limits),
        nested=nested,
    )


def _check_size(source: Source, metadata: pq.FileMetaData, limits: Limits) -> None:
    if metadata.num_rows > limits.rows:
        raise refuse(source.label, f"The file has more than {limits.rows:,} rows.", code="too_many_rows")
    unpacked = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    if unpacked > limits.unpacked_bytes:
        raise refuse(
            source.label,
            f"The file unpacks to more than {limits.unpacked_bytes:,} bytes.",
            code="unpacks_too_large",
        )


def _leaves(schema: pa.Schema) -> tuple[list[tuple[str, ...]], list[pa.DataType]]:
    """The path and type of every column, structs taken apart."""
    paths: list[tuple[str, ...]] = []
    types: list[pa.DataType] = []

    def walk(field: pa.Field, above: tuple[str, ...]) -> None:
        path = (*above, field.name)
        if pa.types.is_struct(field.type):
            for inner in field.type:
                walk(inner, path)
        else:
            paths.append(path)
            types.append(field.type)

    for field in schema:
        walk(field, ())
    return paths, types


def _is_text(type_: pa.DataType) -> bool:
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    return type_ in (pa.string(), pa.large_string(), pa.string_view())


def _is_plain(type_: pa.DataType) -> bool:
    return (
        _is_text(type_)
        or pa.types.is_integer(type_)
        or pa.types.is_floating(type_)
        or pa.types.is_decimal(type_)
        or pa.types.is_boolean(type_)
        or pa.types.is_date(type_)
        or pa.types.is_timestamp(type_)
        or pa.types.is_null(type_)
    )


def _flat(column: pa.Array) -> list[pa.Array]:
    """A struct as the columns of its fields."""
    if not pa.types.is_struct(column.type):
        return [column]
    return [leaf for field in column.flatten() for leaf in _flat(field)]


def _texts(path: Path) -> list[str]:
    """Top columns of text: they stay as the file has them, each value once, until their size is known."""
    return [field.name for field in pq.read_schema(path) if _is_text(field.type)]


def _batches(
    file: pq.ParquetFile, source: Source, digest: Digest, limits: Limits
) -> Iterator[tuple[pa.Array, list[pa.Array]]]:
    """Rows in pieces of bounded size. A value that a file has once may stand in every row of it."""
    following, written = 1, 0
    most = min(limits.unpacked_bytes, max(SMALL_BYTES, limits.unpack_ratio * digest.bytes))
    for batch in file.iter_batches(batch_size=BATCH_ROWS):
        batch.validate(full=True)  # text that is none would fail in the query engine, with other words
        leaves = [leaf for column in batch.columns for leaf in _flat(column)]
        size = sum(_decoded_bytes(leaf) for leaf in leaves)
        written += size
        if written > most:
            told = f"The file unpacks to more than {most:,} bytes."
            raise refuse(source.label, told, code="unpacks_too_large")
        step = max(1, batch.num_rows // (1 + size // PIECE_BYTES))
        for start in range(0, batch.num_rows, step):
            pieces = [leaf.slice(start, step) for leaf in leaves]
            count = min(step, batch.num_rows - start)
            yield numbers_from(following + start, count), [_text(piece) for piece in pieces]
        following += batch.num_rows


def _decoded_bytes(column: pa.Array) -> int:
    """How many bytes the values come to when each stands in its row."""
    if not pa.types.is_dictionary(column.type) or not len(column.dictionary):
        return int(column.nbytes)
    if not _is_text(column.type):
        return int(column.dictionary.nbytes) // len(column.dictionary) * len(column) + int(
            column.indices.nbytes
        )
    lengths = pc.binary_length(column.dictionary.cast(pa.large_string()))
    return int(pc.sum(lengths.take(column.indices)).as_py() or 0)


def _text(column: pa.Array) -> pa.Array:
    """The text of each value; binary floats at 15 significant digits, all that they hold in decimal."""
    type_ = column.type
    if not _is_plain(type_):  # no value of a row; mapping says so where it is asked for
        return pa.nulls(len(column), pa.string())
    if pa.types.is_floating(type_):
        values = np.asarray(column.cast(pa.float64()).fill_null(0.0))
        digits = 15 if type_.bit_width == 64 else 6
        return pa.array(np.char.mod(f"%.{digits}g", values), pa.string(), mask=np.asarray(column.is_null()))
    if pa.types.is_timestamp(type_):
        if type_.tz:
            text = (
                column.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.timestamp("us")).cast(pa.string())
            )
            return pc.binary_join_element_wise(text, "+00:00", "")
        return column.cast(pa.timestamp("us"), safe=False).cast(pa.string())
    return column.cast(pa.string())
