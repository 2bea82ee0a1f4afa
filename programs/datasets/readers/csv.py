"""CSV, plain or in gzip: delimiter by evidence, quotes and line breaks in values, broken rows kept."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate, islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from programs.datasets.loading.limits import MEBIBYTE, Limits, Options
from programs.datasets.loading.source import Source
from programs.datasets.loading.words import Wanted
from programs.datasets.readers.base import BrokenRow, RawFile, check_headers, is_cut, refuse, write_rows
from programs.datasets.readers.header import LOOKED_AT, above, header_index, told_apart
from programs.datasets.readers.unpack import Digest, to_utf8

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SAMPLE = 256 * 1024
BEGINNING = 16 * MEBIBYTE  # of which a look reads its first rows
SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n")
"""What Excel writes above a table to say its delimiter."""


def read_csv(
    source: Source, digest: Digest, directory: Path, options: Options, limits: Limits, wanted: Wanted
) -> RawFile:
    """Read a CSV file into rows of text. Raises DatasetProblems."""
    text = directory / f"{digest.sha256}.txt"
    decoded = to_utf8(source, text, options.encoding, limits, most=BEGINNING if limits.first_rows else 0)
    with text.open(encoding="utf-8", newline="") as file:
        sample = file.read(SAMPLE)
    if not sample.strip():
        raise refuse(source.label, "The file is empty.", code="empty_file")
    said = SEPARATOR_LINE.match(sample)
    start = said.end() if said else 0
    delimiter = _spelled(options.delimiter) or (said[1] if said else _delimiter(sample))
    if len(delimiter) != 1:
        raise refuse(
            source.label, f"“{delimiter}” is not one character, as a delimiter is.", code="delimiter",
            allowed=tuple(DELIMITERS.values()),
        )  # fmt: skip
    records = list(_records(sample[start:], delimiter, LOOKED_AT))
    lines_above = sample.count("\n", 0, start)
    rows = [(lines_above + line, [cell.strip() for cell in row]) for line, row, _ in records]
    index = header_index(source.label, rows, options.header_row, wanted)
    headers = told_apart(rows[index][1])
    check_headers(source.label, headers, limits)
    offset = len(sample[: start + records[index][2]].encode())
    broken: list[BrokenRow] = []
    path = directory / f"{digest.sha256}.parquet"
    try:
        rows_read = write_rows(
            path, source.label, len(headers), _batches(text, offset, delimiter, len(headers), broken), limits
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
        rows=rows_read + len(broken),
        path=path,
        broken=tuple(broken),
        is_cut=decoded.is_cut or is_cut(rows_read, limits),
        written_as={
            "encoding": decoded.encoding,
            "delimiter": DELIMITERS.get(delimiter, delimiter),
            "header_row": str(rows[index][0]),
        },
        above=tuple(tuple(cells) for _, cells in rows[:index]),
        notes=(
            f"read as {decoded.encoding}, separated by {DELIMITERS.get(delimiter, delimiter)}",
            *above(index, rows[index][0]),
        ),
    )


def _spelled(said: str) -> str:
    """A delimiter as people write it: ;, tab, semicolon or \\t."""
    names = {name: character for character, name in DELIMITERS.items()} | {"\\t": "\t"}
    return names.get(said.lower(), said)


def _delimiter(sample: str) -> str:
    """The delimiter that splits the sample into the most columns of the same number in most rows."""

    def score(delimiter: str) -> tuple[float, int]:
        widths = Counter(len(row) for _, row, _ in _records(sample, delimiter, LOOKED_AT))
        width, rows = max(widths.items(), key=lambda item: (item[1], item[0]))
        return (rows / widths.total() if width > 1 else 0.0, width)

    return max(DELIMITERS, key=score)


def _records(sample: str, delimiter: str, count: int) -> Iterator[tuple[int, list[str], int]]:
    """The first records that are not empty: the line where each begins, and the place where it ends."""

    def read() -> Iterator[tuple[int, list[str], int]]:
        line = 1
        for row in reader:
            if row:
                yield line, row, ends[reader.line_num]
            line = reader.line_num + 1

    lines = list(io.StringIO(sample, newline=""))
    ends = [0, *accumulate(map(len, lines))]
    reader = csv.reader(lines, delimiter=delimiter)
    csv.field_size_limit(2 * SAMPLE)
    return islice(read(), count)


def _batches(
    text: Path, offset: int, delimiter: str, width: int, broken: list[BrokenRow]
) -> Iterator[tuple[pa.Array, list[pa.Array]]]:
    def keep(row: arrow_csv.InvalidRow) -> str:
        reason = f"row has {row.actual_columns} values, the header {row.expected_columns}"
        broken.append(BrokenRow(row.number, reason, row.text))
        return "skip"

    names = [f"c{index}" for index in range(width)]
    if offset == text.stat().st_size:  # a header alone
        return
    source = pa.OSFile(str(text))
    source.seek(offset)
    reader = arrow_csv.open_csv(
        source,
        read_options=arrow_csv.ReadOptions(use_threads=False, column_names=names, block_size=4 * MEBIBYTE),
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
