"""Tables of lists as files, read and written by tablib. Pure: no database, no setting."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import tablib

from gtm.core.errors import InvalidInput
from gtm.core.later import later

if TYPE_CHECKING:
    import openpyxl
else:
    openpyxl = later("openpyxl")

NO_TABLE = (
    tablib.exceptions.TablibException,
    ValueError,
    TypeError,
    AttributeError,
    KeyError,
    RecursionError,
)


def read_table(form: str, content: str | bytes, most: int) -> tuple[list[str] | None, list[tuple[Any, ...]]]:
    """Headers and rows of a table in ``form``: csv, tsv, json or xlsx (its first sheet, values only).

    Raises InvalidInput where it is none, or has more than ``most`` rows.
    """
    if form == "xlsx":
        assert isinstance(content, bytes)
        return _sheet(content, most)
    try:
        found = tablib.import_set(content, format=form)
    except NO_TABLE as error:
        raise InvalidInput(f"The file is no table in {form.upper()}: {error}") from error
    rows = [tuple(row) for row in found]
    if len(rows) > most:
        raise _too_many(most)
    return found.headers, rows


def _sheet(content: bytes, most: int) -> tuple[list[str] | None, list[tuple[Any, ...]]]:
    try:
        book = openpyxl.load_workbook(BytesIO(content), read_only=True, data_only=True)
        found = book.active.iter_rows(values_only=True)
        headers = next(found, None)
        rows: list[tuple[Any, ...]] = []
        for row in found:
            if len(rows) == most:
                raise _too_many(most)
            rows.append(row)
    except InvalidInput:
        raise
    except Exception as error:  # the library raises what its parts raise: of zip, XML, numbers, keys
        raise InvalidInput(f"The file is no workbook that can be read: {error}") from error
    return list(headers) if headers else None, rows


def _too_many(most: int) -> InvalidInput:
    return InvalidInput(f"The table has more than {most:,} rows.", hint="Split it into smaller files.")


def workbook(title: str | None, headers: list[str] | None, rows: list[tuple[Any, ...]]) -> bytes:
    """The table as a workbook of one sheet."""
    content: bytes = tablib.Dataset(*rows, headers=headers, title=title).export("xlsx")
    return content
