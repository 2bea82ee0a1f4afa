"""XLSX: one sheet, values only. Looks into the zip before it unpacks, and counts what the sheet decodes to.

A few kilobytes may say a million rows, a cell in the last column of each, or one long text in every cell. The
size of the sheet that the file itself names is not believed, neither where it is too large nor too small.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import pyarrow as pa
from defusedxml.common import DefusedXmlException
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from programs.datasets.loading.limits import MEBIBYTE, Limits, Options
from programs.datasets.loading.source import Source
from programs.datasets.loading.words import Wanted
from programs.datasets.readers.base import (
    BATCH_ROWS,
    RawFile,
    check_headers,
    is_cut,
    numbers_from,
    refuse,
    write_rows,
)
from programs.datasets.readers.header import LOOKED_AT, above, header_index, told_apart
from programs.datasets.readers.unpack import Digest

PARTS = 10_000
ROWS = 1_048_576
"""A sheet has no more."""
CELLS = 50_000_000
"""Handed out with the empty ones before them: in more, nobody has typed."""
STRINGS_BYTES, OTHER_BYTES = 128 * MEBIBYTE, 16 * MEBIBYTE
"""Parts that are held in memory whole: the texts of cells, and styles, names and relations."""
STRINGS, SHEETS = "xl/sharedstrings.xml", "xl/worksheets/"
SMALL_BYTES, PIECE_BYTES = 256 * MEBIBYTE, 32 * MEBIBYTE
DAMAGED = "The workbook is damaged: its parts are not the plain XML of a sheet."
ERRORS = (zipfile.BadZipFile, InvalidFileException, DefusedXmlException, ParseError, KeyError, ValueError)


def read_xlsx(
    source: Source, digest: Digest, directory: Path, options: Options, limits: Limits, wanted: Wanted
) -> RawFile:
    """Read a sheet into rows of text. Raises DatasetProblems; formulas are never computed."""
    _check_zip(source, digest, limits)
    path = directory / f"{digest.sha256}.parquet"
    try:
        book = load_workbook(source.path, read_only=True, data_only=True, keep_links=False)
    except ERRORS as error:
        raise refuse(source.label, DAMAGED, code="damaged") from error
    try:
        for one in book.worksheets:
            one.reset_dimensions()  # what the file says of its size may leave out rows
        sheet, notes = _sheet(source, book, options.sheet, wanted)
        first = _first_rows(source, sheet)
        index = header_index(source.label, first, options.header_row, wanted)
        place, names = first[index] if first else (0, [])
        while names and not names[-1]:
            names.pop()
        headers = told_apart(names)
        rows = islice(_rows(source, sheet), place, None)
        check_headers(source.label, headers, limits)
        texts: set[int] = set()
        size = limits.first_rows or BATCH_ROWS
        most = min(limits.unpacked_bytes, max(SMALL_BYTES, limits.unpack_ratio * digest.bytes))
        batches = _batches(_bounded(source, rows, len(headers), most), len(headers), texts, size)
        count = write_rows(path, source.label, len(headers), batches, limits)
    except ERRORS as error:
        raise refuse(source.label, DAMAGED, code="damaged") from error
    finally:
        book.close()
    return RawFile(
        name=source.label,
        format="xlsx",
        sha256=digest.sha256,
        bytes=digest.bytes,
        headers=headers,
        rows=count,
        path=path,
        typed=frozenset(header for index, header in enumerate(headers) if index not in texts),
        notes=(*notes, *above(index, place)),
        is_cut=is_cut(count, limits),
        written_as={"sheet": sheet.title, "header_row": str(place)},
        above=tuple(tuple(cells) for _, cells in first[:index]),
    )


def _check_zip(source: Source, digest: Digest, limits: Limits) -> None:
    try:
        with zipfile.ZipFile(source.path) as archive:
            parts = archive.infolist()
    except zipfile.BadZipFile as error:
        raise refuse(source.label, f"The workbook is damaged: {error}.", code="damaged") from error
    unpacked = sum(part.file_size for part in parts)
    held = [part for part in parts if part.file_size > _most_bytes(part.filename.lower(), limits)]
    if (
        held
        or len(parts) > PARTS
        or unpacked > limits.xlsx_bytes
        or unpacked > digest.bytes * limits.unpack_ratio
    ):
        raise refuse(
            source.label,
            f"The workbook unpacks from {digest.bytes:,} to {unpacked:,} bytes, which is not a plain table.",
            code="unpacks_too_large",
            hint="Save the sheet as CSV and load that.",
        )


def _most_bytes(part: str, limits: Limits) -> int:
    """How large a part may be. The library reads no more of one than the file says that it has."""
    if part == STRINGS:
        return STRINGS_BYTES
    return (
        OTHER_BYTES if part.endswith((".xml", ".rels")) and not part.startswith(SHEETS) else limits.xlsx_bytes
    )


def _rows(source: Source, sheet: Any) -> Iterator[tuple[Any, ...]]:
    """Every row as it stands, empty ones too. Raises DatasetProblems for more than a sheet has."""
    cells = 0
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        cells += len(row)
        if number > ROWS or cells > CELLS:
            told = f"The sheet “{sheet.title}” has more than {ROWS:,} rows or {CELLS:,} cells."
            raise refuse(
                source.label, told, code="unpacks_too_large", hint="Save the sheet as CSV and load that."
            )
        yield row


def _bounded(
    source: Source, rows: Iterator[tuple[Any, ...]], width: int, most: int
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Each row that is not empty, as wide as the header, with how many characters it has: a text that the
    file has once may stand in every cell."""
    read = 0
    for row in rows:
        if all(value is None for value in row):
            continue
        size = sum(len(value) for value in row[:width] if isinstance(value, str))
        read += size
        if read > most:
            told = f"The sheet decodes to more than {most:,} characters."
            raise refuse(source.label, told, code="unpacks_too_large")
        yield size, row[:width]


def _sheet(source: Source, book: Any, said: str, wanted: Wanted) -> tuple[Any, tuple[str, ...]]:
    """The sheet to read, and a note: the one that is said, else the only one with columns that we know.

    Two of those are a question: nobody's February is left out because January comes first.
    """
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    if said and said not in sheets:
        raise refuse(source.label, f"There is no sheet “{said}”.", code="no_sheet", allowed=tuple(sheets))
    if not said:
        known = [
            title
            for title, sheet in sheets.items()
            if max((wanted.known(row) for _, row in _first_rows(source, sheet)), default=0) > 1
        ]
        if len(known) > 1:
            raise refuse(
                source.label,
                f"{len(known)} sheets have columns that we know: set which one, as sheet={known[0]}.",
                code="ambiguous_sheet",
                allowed=tuple(known),
            )
        said = known[0] if known else next(iter(sheets))
    others = ", ".join(f"“{title}”" for title in sheets if title != said)
    left = (f"not read: sheet {others}",) if others else ()
    return sheets[said], (f"read sheet “{said}”", *left)


def _first_rows(source: Source, sheet: Any) -> list[tuple[int, list[str]]]:
    """The first rows that are not empty, as text, each with its number in the sheet."""
    rows = enumerate(_rows(source, sheet), start=1)
    filled = ((number, row) for number, row in rows if any(value is not None for value in row))
    return [
        (number, ["" if value is None else _cell(value).strip() for value in row])
        for number, row in islice(filled, LOOKED_AT)
    ]


def _pieces(rows: Iterator[tuple[int, tuple[Any, ...]]], size: int) -> Iterator[list[tuple[Any, ...]]]:
    """Rows in blocks of so many, or of so many characters where these are reached first."""
    block: list[tuple[Any, ...]] = []
    held = 0
    for characters, row in rows:
        block.append(row)
        held += characters
        if len(block) == size or held > PIECE_BYTES:
            yield block
            block, held = [], 0
    if block:
        yield block


def _batches(
    rows: Iterator[tuple[int, tuple[Any, ...]]], width: int, texts: set[int], size: int
) -> Iterator[tuple[pa.Array, list[pa.Array]]]:
    """Batches of text; ``texts`` collects the columns in which some cell was text already."""
    following = 1
    for block in _pieces(rows, size):
        padded = [(*row, *[None] * (width - len(row)))[:width] for row in block]
        cells = list(zip(*padded, strict=True))
        texts |= {
            index for index, column in enumerate(cells) if any(isinstance(cell, str) for cell in column)
        }
        columns = [
            pa.array([None if value is None else _cell(value) for value in column], pa.string())
            for column in cells
        ]
        yield numbers_from(following, len(block)), columns
        following += len(block)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime) and value.time() == time.min:
        return value.date().isoformat()  # a spreadsheet has no other way to write a day
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)
