"""CSV, plain or in gzip: delimiter by evidence, quotes and line breaks in values, broken rows kept."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from programs.datasets.loading.limits import MEBIBYTE, Limits, Options
from programs.datasets.loading.source import Source
from programs.datasets.readers.base import BrokenRow, RawFile, check_headers, refuse, write_rows
from programs.datasets.readers.unpack import Digest, to_utf8

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SAMPLE = 256 * 1024


def read_csv(source: Source, digest: Digest, directory: Path, options: Options, limits: Limits) -> RawFile:
    """Read a CSV file into rows of text. Raises DatasetProblems."""
    text = directory / f"{digest.sha256}.txt"
    encoding = to_utf8(source, text, options.encoding, limits)
    with text.open(encoding="utf-8", newline="") as file:
        sample = file.read(SAMPLE)
    if not sample.strip():
        raise refuse(source.label, "The file is empty.", code="empty_file")
    delimiter = options.delimiter or _delimiter(sample)
    if len(delimiter) != 1:
        raise refuse(source.label, "A delimiter is one character.", code="delimiter")
    headers = tuple(cell.strip() for cell in _first_rows(sample, delimiter, 1)[0])
    check_headers(source.label, headers, limits)
    broken: list[BrokenRow] = []
    path = directory / f"{digest.sha256}.parquet"
    try:
        rows = write_rows(
            path, source.label, len(headers), _batches(text, delimiter, len(headers), broken), limits
        )
    except pa.ArrowInvalid as error:
        raise refuse(source.label, f"The file is not CSV: {error}.", code="not_csv") from error
    finally:
        text.unlink()
    return RawFile(
        name=source.label,
        format="csv",
        sha256=digest.sha256,
        bytes=digest.bytes,
        headers=headers,
        rows=rows + len(broken),
        path=path,
        broken=tuple(broken),
        notes=(f"read as {encoding}, separated by {DELIMITERS.get(delimiter, delimiter)}",),
    )


def _delimiter(sample: str) -> str:
    """The delimiter that splits the sample into the most columns of the same number in every row."""

    def score(delimiter: str) -> tuple[float, int]:
        rows = _first_rows(sample, delimiter, 50)
        width = len(rows[0])
        return (sum(len(row) == width for row in rows) / len(rows) if width > 1 else 0.0, width)

    return max(DELIMITERS, key=score)


def _first_rows(sample: str, delimiter: str, count: int) -> list[list[str]]:
    reader = csv.reader(sample.splitlines(keepends=True), delimiter=delimiter)
    csv.field_size_limit(2 * SAMPLE)
    rows = (row for row in reader if row)
    return [row for row, _ in zip(rows, range(count), strict=False)]


def _batches(
    text: Path, delimiter: str, width: int, broken: list[BrokenRow]
) -> Iterator[tuple[pa.Array, list[pa.Array]]]:
    def keep(row: arrow_csv.InvalidRow) -> str:
        reason = f"row has {row.actual_columns} values, the header {row.expected_columns}"
        broken.append(BrokenRow(row.number - 1, reason, row.text))
        return "skip"

    names = [f"c{index}" for index in range(width)]
    reader = arrow_csv.open_csv(
        text,
        read_options=arrow_csv.ReadOptions(
            use_threads=False, column_names=names, skip_rows_after_names=1, block_size=4 * MEBIBYTE
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, invalid_row_handler=keep
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
        ),
    )
    following = 1
    for batch in reader:
        if not batch.num_rows:
            continue
        skipped = [row.row for row in broken if row.row >= following]
        numbers = np.arange(following, following + batch.num_rows + len(skipped))
        numbers = np.setdiff1d(numbers, skipped, assume_unique=True)[: batch.num_rows]
        following = int(numbers[-1]) + 1
        yield pa.array(numbers, pa.int64()), batch.columns
