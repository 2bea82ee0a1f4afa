"""The rows that were not accepted, kept with all their reasons, and their export that is safe to open."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import IO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from programs.datasets.loading.cells import inert
from programs.datasets.loading.staging import Staged
from programs.datasets.readers.base import BATCH_ROWS

SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("row", pa.int64()),
        ("outcome", pa.string()),
        ("reasons", pa.list_(pa.string())),
        ("cells", pa.string()),
    ]
)


def write_rejects(connection: duckdb.DuckDBPyConnection, staged: list[Staged], path: Path) -> None:
    """Write every row with a fate to Parquet: file, row, outcome, reasons, cells (a JSON object)."""
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for number, file in enumerate(staged):
            if file.raw.broken:
                writer.write_table(_broken(file))
            pairs = ", ".join(f"$h{index}, c{index}" for index in range(len(file.raw.headers)))
            names = {f"h{index}": header for index, header in enumerate(file.raw.headers)}
            query = f"""
                SELECT $file AS file, "row", outcome, reasons, json_object({pairs})::VARCHAR AS cells
                FROM {file.view} JOIN fate USING ("row") WHERE file_no = {number} ORDER BY "row"
            """  # noqa: S608
            for batch in connection.execute(query, names | {"file": file.raw.name}).to_arrow_reader(
                BATCH_ROWS
            ):
                writer.write_table(pa.Table.from_batches([batch]).cast(SCHEMA))


def _broken(file: Staged) -> pa.Table:
    broken = file.raw.broken
    return pa.table(
        {
            "file": [file.raw.name] * len(broken),
            "row": [row.row for row in broken],
            "outcome": ["rejected"] * len(broken),
            "reasons": [[row.reason] for row in broken],
            "cells": [json.dumps({"line": row.text}, ensure_ascii=False) for row in broken],
        },
        schema=SCHEMA,
    )


def export_rejects(path: Path, out: IO[str]) -> int:
    """Write stored rejects as CSV that is safe to open in a spreadsheet; returns the number of rows."""
    writer = csv.writer(out)
    writer.writerow([*SCHEMA.names])
    written = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH_ROWS):
            for row in batch.to_pylist():
                cells = (
                    row["file"],
                    str(row["row"]),
                    row["outcome"],
                    "; ".join(row["reasons"]),
                    row["cells"],
                )
                writer.writerow([inert(cell) for cell in cells])
                written += 1
    return written
