"""What a file holds before anything is decided: how it is written, its columns with examples, first rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gtm.core.later import later

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from programs.datasets.readers import RawFile
else:
    pa, pc, pq = later("pyarrow"), later("pyarrow.compute"), later("pyarrow.parquet")

SHOWN_ROWS = 8
SHOWN_EXAMPLES = 3
SHOWN_WORDS = 30
LONGEST = 60
"""Characters of a cell that are shown."""


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """A column of theirs: up to three different values, how many of the rows read have one, and its words.

    ``words`` are the different values with their rows, where they are few; else empty.
    """

    name: str
    examples: tuple[str, ...]
    filled: int
    words: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class FileLook:
    """``rows`` were read, all there are unless ``is_cut``. ``above`` is what stands above the header.

    ``written_as``: encoding, delimiter, sheet, header_row, as far as the format has them.
    """

    name: str
    format: str
    bytes: int
    rows: int
    is_cut: bool
    written_as: dict[str, str]
    above: tuple[tuple[str, ...], ...]
    columns: tuple[FoundColumn, ...]
    first_rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]

    @property
    def headers(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def look_at(raw: RawFile) -> FileLook:
    """Everything a person needs to recognise the file, from the rows that were read of it."""
    table = pq.read_table(raw.path)
    cells = [table.column(f"c{index}") for index in range(len(raw.headers))]
    first = [column.slice(0, SHOWN_ROWS).to_pylist() for column in cells]
    return FileLook(
        raw.name,
        raw.format,
        raw.bytes,
        raw.rows,
        raw.is_cut,
        dict(raw.written_as),
        raw.above,
        tuple(_column(name, column) for name, column in zip(raw.headers, cells, strict=True)),
        tuple(tuple(shortened(cell or "") for cell in row) for row in zip(*first, strict=True)),
        raw.notes,
    )


def _column(name: str, cells: pa.ChunkedArray) -> FoundColumn:
    trimmed = pc.utf8_trim_whitespace(cells)
    filled = trimmed.filter(pc.fill_null(pc.not_equal(trimmed, ""), False))
    counts = sorted(
        ((row["values"], row["counts"]) for row in pc.value_counts(filled).to_pylist()),
        key=lambda pair: -pair[1],
    )
    few = len(counts) <= SHOWN_WORDS and all(len(word) <= LONGEST for word, _ in counts)
    seen = dict.fromkeys(filled.slice(0, 200).to_pylist())
    return FoundColumn(
        name,
        tuple(shortened(value) for value in list(seen)[:SHOWN_EXAMPLES]),
        len(filled),
        tuple(counts) if few else (),
    )


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
