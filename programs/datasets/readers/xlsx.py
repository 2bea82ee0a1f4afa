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
from programs.datasets.readers.base import (
    BATCH_ROWS,
    RawFile,
    check_headers,
    numbers_from,
    refuse,
    write_rows,
)
from programs.datasets.readers.unpack import Digest

PARTS = 10_000
DAMAGED = "The workbook is damaged: its parts are not the plain XML of a sheet."
ERRORS = (zipfile.BadZipFile, InvalidFileException, DefusedXmlException, ParseError, KeyError, ValueError)


def read_xlsx(source: Source, digest: Digest, directory: Path, options: Options, limits: Limits) -> RawFile:
    """Read a sheet into rows of text. Raises DatasetProblems; formulas are never computed."""
    _check_zip(source, digest, limits)
    path = directory / f"{digest.sha256}.parquet"
    try:
        book = load_workbook(source.path, read_only=True, data_only=True, keep_links=False)
    except ERRORS as error:
        raise refuse(source.label, DAMAGED, code="damaged") from error
    try:
        sheet = _sheet(source, book, options.sheet)
        rows = sheet.iter_rows(values_only=True)
        headers = tuple(_cell(value).strip() if value is not None else "" for value in next(rows, ()))
        check_headers(source.label, headers, limits)
        texts: set[int] = set()
        count = write_rows(path, source.label, len(headers), _batches(rows, len(headers), texts), limits)
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
        notes=(f"read sheet “{sheet.title}”",),
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


def _sheet(source: Source, book: Any, wanted: str) -> Any:
    names = tuple(book.sheetnames)
    if wanted and wanted not in names:
        raise refuse(source.label, f"There is no sheet “{wanted}”.", code="no_sheet", allowed=names)
    return book[wanted] if wanted else book.worksheets[0]


def _batches(
    rows: Iterator[tuple[Any, ...]], width: int, texts: set[int]
) -> Iterator[tuple[pa.Array, list[pa.Array]]]:
    """Batches of text; ``texts`` collects the columns in which some cell was text already."""
    # openpyxl hands out a row at a time; a sheet has at most 1,048,576.
    following = 1
    filled = (row for row in rows if any(value is not None for value in row))
    while block := list(islice(filled, BATCH_ROWS)):
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
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)
