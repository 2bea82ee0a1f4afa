"""Excel among the formats of import and export, with openpyxl loaded when a workbook is read or written.

django-import-export asks at its import whether each format is there, and tablib answers for Excel by loading
openpyxl with all that it holds.
"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any

from tablib.formats import registry

XLSX = "tablib.formats._xlsx:XLSXFormat"


class Workbooks:
    """Stands in for tablib's format of Excel until something is asked of it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(resolve_name(XLSX), name)


def register() -> None:
    """Must run before django-import-export is imported."""
    registry.register("xlsx", Workbooks())
