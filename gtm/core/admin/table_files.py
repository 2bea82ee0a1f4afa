"""Tables that lists import and export: CSV, XLSX, TSV and JSON, within limits of size, time and memory.

What is uploaded is read in a process of its own: a workbook of some kilobytes may unpack to gigabytes. Other
formats that the library knows are not offered: nobody asked for them, and each is one more reader.
"""

from __future__ import annotations

from typing import Any

import tablib
from django import forms
from import_export.formats.base_formats import CSV, JSON, TSV, XLSX
from unfold.contrib.import_export.forms import ImportForm

from gtm.core.bounded.work import MEBIBYTE, Bounds, work

LARGEST = 16 * MEBIBYTE
"""Of a file that a list imports."""
MOST_ROWS = 20_000
"""Of a table that a list imports or exports."""
FEWER = f"A table has at most {MOST_ROWS:,} rows. Filter the list first, or take it page by page over REST."
READING = Bounds("Reading the table", "Split it into smaller files.", seconds=20, memory=1024 * MEBIBYTE)
WRITING = Bounds("Writing the workbook", FEWER, seconds=60, memory=1024 * MEBIBYTE)
TABLES = "gtm.core.bounded.tables"


class _ReadElsewhere:
    def create_dataset(self, in_stream: Any, **kwargs: Any) -> tablib.Dataset:
        if isinstance(in_stream, bytes) and not self.is_binary():  # type: ignore[attr-defined]
            in_stream = in_stream.decode(self.encoding or "utf-8")  # type: ignore[attr-defined]
        form = self.get_title()  # type: ignore[attr-defined]
        headers, rows = work(f"{TABLES}:read_table", form, in_stream, MOST_ROWS, bounds=READING)
        return tablib.Dataset(*rows, headers=headers)


class BoundedCSV(_ReadElsewhere, CSV):
    """As people type them."""


class BoundedTSV(_ReadElsewhere, TSV):
    """As spreadsheets copy them."""


class BoundedJSON(_ReadElsewhere, JSON):
    """As programs write them."""


class BoundedXLSX(_ReadElsewhere, XLSX):
    """The first sheet of a workbook. Written elsewhere, too."""

    def export_data(self, dataset: tablib.Dataset, **kwargs: Any) -> bytes:
        rows = [tuple(row) for row in dataset]
        content: bytes = work(f"{TABLES}:workbook", dataset.title, dataset.headers, rows, bounds=WRITING)
        return content


TABLE_FORMATS = [BoundedCSV, BoundedXLSX, BoundedTSV, BoundedJSON]


class BoundedImportForm(ImportForm):
    """Refuses a file that is too large before anything reads it."""

    def clean_import_file(self) -> Any:
        upload = self.cleaned_data["import_file"]
        if upload.size > LARGEST:
            size, most = upload.size / MEBIBYTE, LARGEST // MEBIBYTE
            told = f"The file has {size:,.0f} MiB; a list imports at most {most}."
            raise forms.ValidationError(told)
        return upload
