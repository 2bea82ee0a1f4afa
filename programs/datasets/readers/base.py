"""What a reader returns, and the writer all readers share.

A reader turns one hostile file into rows of text: a Parquet file with columns ``row`` (1-based, header not
counted) and ``c0 … cN``, plus the records that are no rows at all. Meaning comes later, in conversion.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from programs.datasets.loading.limits import Limits
from programs.datasets.loading.problems import DatasetProblems, Problem

BATCH_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A record that could not be split into the columns of its file."""

    row: int
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file as rows of text. ``typed`` names the columns whose text a machine wrote from typed values.

    ``nested``: header → what its cells hold where that is more than one value a row.
    ``is_cut``: only the first rows were read. ``written_as``: encoding, delimiter, sheet and the row of the
    header, as far as the format has them; ``above``: the cells of what stands above the header.
    """

    name: str
    format: str
    sha256: str
    bytes: int
    headers: tuple[str, ...]
    rows: int
    path: Path
    broken: tuple[BrokenRow, ...] = ()
    typed: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    nested: dict[str, str] = field(default_factory=dict)
    is_cut: bool = False
    written_as: dict[str, str] = field(default_factory=dict)
    above: tuple[tuple[str, ...], ...] = ()


def refuse(
    name: str, message: str, *, code: str, allowed: tuple[str, ...] = (), hint: str = ""
) -> DatasetProblems:
    """The refusal of a whole file."""
    return DatasetProblems([Problem(name, message, allowed=allowed, code=code)], hint=hint)


def check_headers(name: str, headers: tuple[str, ...], limits: Limits) -> None:
    """Refuse a file without usable column names."""
    if not any(headers):
        raise refuse(name, "The file has no header: its first row must name the columns.", code="no_header")
    if len(headers) > limits.columns:
        raise refuse(
            name,
            f"The file has {len(headers):,} columns; at most {limits.columns:,}.",
            code="too_many_columns",
        )


def write_rows(
    path: Path, name: str, width: int, batches: Iterable[tuple[pa.Array, list[pa.Array]]], limits: Limits
) -> int:
    """Write (row numbers, columns) batches to Parquet and return the number of rows.

    Stops after the first rows where the limits say how many.
    """
    schema = pa.schema([("row", pa.int64()), *((f"c{index}", pa.string()) for index in range(width))])
    total = 0
    with pq.ParquetWriter(path, schema, compression="lz4", use_dictionary=False) as writer:
        for read, cells in batches:
            wanted = limits.first_rows - total if limits.first_rows else len(read)
            rows, columns = read[:wanted], [column[:wanted] for column in cells]
            total += len(rows)
            if total > limits.rows:
                raise refuse(name, f"The file has more than {limits.rows:,} rows.", code="too_many_rows")
            writer.write_batch(pa.record_batch([rows, *columns], schema=schema))
            if is_cut(total, limits):
                break
    return total


def is_cut(rows: int, limits: Limits) -> bool:
    """Whether as many rows were read as may be: there may be more."""
    return 0 < limits.first_rows <= rows


def numbers_from(start: int, count: int) -> pa.Array:
    """Row numbers start, start + 1, …"""
    return pa.array(range(start, start + count), pa.int64())
