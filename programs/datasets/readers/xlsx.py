"""XLSX: one sheet, values only. Looks into the zip before anything is unpacked."""

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

from programs.datasets.loading.limits import Limits, Options
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
        sheet, notes = _sheet(source, book, options.sheet, wanted)
        first = _first_rows(sheet)
        index = header_index(source.label, first, options.header_row, wanted)
        place, names = first[index] if first else (0, [])
        while names and not names[-1]:
            names.pop()
        headers = told_apart(names)
        rows = islice(sheet.iter_rows(values_only=True), place, None)
        check_headers(source.label, headers, limits)
        texts: set[int] = set()
        size = limits.first_rows or BATCH_ROWS
        batches = _batches(rows, len(headers), texts, size)
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
    if len(parts) > PARTS or unpacked > limits.xlsx_bytes or unpacked > digest.bytes * limits.unpack_ratio:
        raise refuse(
            source.label,
            f"The workbook unpacks from {digest.bytes:,} to {unpacked:,} bytes, which is not a plain table.",
            code="unpacks_too_large",
            hint="Save the sheet as CSV and load that.",
        )


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
            if max((wanted.known(row) for _, row in _first_rows(sheet)), default=0) > 1
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


def _first_rows(sheet: Any) -> list[tuple[int, list[str]]]:
    """The first rows that are not empty, as text, each with its number in the sheet."""
    rows = enumerate(sheet.iter_rows(values_only=True), start=1)
    filled = ((number, row) for number, row in rows if any(value is not None for value in row))
    return [
        (number, ["" if value is None else _cell(value).strip() for value in row])
        for number, row in islice(filled, LOOKED_AT)
    ]


def _batches(
    rows: Iterator[tuple[Any, ...]], width: int, texts: set[int], size: int
) -> Iterator[tuple[pa.Array, list[pa.Array]]]:
    """Batches of text; ``texts`` collects the columns in which some cell was text already."""
    # openpyxl hands out a row at a time; a sheet has at most 1,048,576.
    following = 1
    filled = (row for row in rows if any(value is not None for value in row))
    while block := list(islice(filled, size)):
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
