"""What a workbook is made of: typed cells, a sheet of a table, and a file with the same bytes twice."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from gtm.core.later import later
from gtm.core.money import is_currency, spreadsheet_format
from programs.analytics.chances import CHANCE
from programs.datasets.loading.cells import inert, writable

if TYPE_CHECKING:
    import openpyxl
    from openpyxl.xml import functions as xml

    from plans.export.render import Grid
else:
    openpyxl = later("openpyxl")
    xml = later("openpyxl.xml.functions")

AMOUNT = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?")
NUMBERS = ("integer", "number", "figure", "percent", "chance", "money")
FORMATS = {
    "integer": "#,##0",
    "percent": "0.0%",
    # The cell keeps the share of the draws; what it shows is neither never nor always.
    "chance": '[<0.0005]"below 0.1%";[>=0.9995]"above 99.9%";0.0%',
}
LONGEST_CHANCE = len("above 99.9%")
DAY_FORMAT, MOMENT_FORMAT = "yyyy-mm-dd", 'yyyy-mm-dd hh:mm "UTC"'
FONT = "Calibri"
"""Named with every style: a font without a name is a serif one elsewhere than in Excel."""
FIRST_YEAR = 1901  # a spreadsheet counts its days from 1900
EXACT = 15  # digits of a number that a spreadsheet keeps
LONGEST_NAME = 31
LONGEST_TEXT = 32_767
WIDEST = 60
LOOKED_AT = 50  # rows that say how wide a column is
OLDEST = datetime(1980, 1, 1, tzinfo=UTC)  # of what a zip file can say


def is_amount(kind: str, unit: str) -> bool:
    """Whether a cell is an amount of money: by the kind of its column, or by its unit."""
    return kind == "money" or (kind in ("number", "figure", "fact") and is_currency(unit))


def text(value: str) -> str:
    """Words as a cell can have them: no formula, no character that XML refuses, no more than fit."""
    safe = inert(writable(value))
    return safe if len(safe) <= LONGEST_TEXT else f"{safe[: LONGEST_TEXT - 1]}…"


def typed(value: Any, kind: str = "", unit: str = "") -> tuple[Any, str]:
    """A value as a spreadsheet counts with it, and its number format ("" for the usual one).

    ``kind`` as of plans.schemas.outputs.Column, or "figure" and "fact" as of render.Grid. Exact amounts are
    kept as text and become numbers; figures in % become fractions with the format of a percentage; times
    become those of UTC.
    """
    if isinstance(value, str) and kind in NUMBERS and AMOUNT.fullmatch(value):
        digits = sum(letter.isdigit() for letter in value)
        value = float(value) if digits <= EXACT else value
    if isinstance(value, str):
        if kind in ("date", "datetime", "figure", "fact") and (found := _instant(value)):
            return found, MOMENT_FORMAT if isinstance(found, datetime) else DAY_FORMAT
        return text(value), ""
    if value is None:
        return "", ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return text(_flat(value)) if isinstance(value, Mapping | list | tuple) else value, ""
    if is_amount(kind, unit):
        return value, spreadsheet_format(unit)
    if unit == "%" and kind in ("number", "figure"):
        return round(value / 100, EXACT), FORMATS["percent"]
    if unit == CHANCE and kind in ("number", "figure"):
        return round(value / 100, EXACT), FORMATS["chance"]
    return value, FORMATS.get(kind, "")


def _instant(value: str) -> date | datetime | None:
    try:
        if DAY.fullmatch(value):
            found: date | datetime = date.fromisoformat(value)
        elif MOMENT.fullmatch(value):
            at = datetime.fromisoformat(value)
            found = (at.astimezone(UTC) if at.tzinfo else at).replace(tzinfo=None, microsecond=0)
        else:
            return None
    except ValueError:  # the 31st of a February: words, as they came
        return None
    return found if found.year >= FIRST_YEAR else None


def _flat(value: Any) -> str:
    """A cell holds one value: parts of a list or an object side by side."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_flat(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_flat, value))
    return "" if value is None else str(value)


def fill(sheet: Any, found: Grid, top: int = 1) -> None:
    """Write a table whose header is in row ``top``: it stays in view, filters; columns fit their words."""
    units = [f" ({unit})" if unit else "" for unit in found.units]
    header = [f"{name}{unit}" for name, unit in zip(found.header, units, strict=True)]
    for number, name in enumerate(header, 1):
        sheet.cell(top, number, text(name)).font = openpyxl.styles.Font(name=FONT, bold=True)
    for line, row in enumerate(found.rows, top + 1):
        for number, (value, kind, unit) in enumerate(
            zip(row, found.kinds, found.units_of(row), strict=True), 1
        ):
            content, form = typed(value, kind, unit)
            cell = sheet.cell(line, number, content)
            if form:
                cell.number_format = form
    sheet.freeze_panes = f"A{top + 1}"
    last = openpyxl.utils.get_column_letter(len(header))
    if found.rows:
        sheet.auto_filter.ref = f"A{top}:{last}{top + len(found.rows)}"
    for number, column in enumerate(
        sheet.iter_cols(min_row=top, max_row=top + min(LOOKED_AT, len(found.rows))), 1
    ):
        longest = max((_wide(cell) for cell in column if cell.value is not None), default=8)
        sheet.column_dimensions[openpyxl.utils.get_column_letter(number)].width = min(longest + 3, WIDEST)


def _wide(cell: Any) -> int:
    """How many letters a cell takes; a chance may show more of them than it has digits."""
    told = len(str(cell.value))
    return max(told, LONGEST_CHANCE) if cell.number_format == FORMATS["chance"] else told


def wide(sheet: Any) -> None:
    """Printed as wide as a page lies, over as many pages as it is long."""
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True


def free_name(taken: Sequence[str], title: str) -> str:
    """A sheet's name: none of the characters Excel refuses, whole words in at most 31, and only once."""
    whole = re.sub(r"[\[\]:*?/\\\s]+", " ", writable(title)).strip("' ")
    name, names, number = _cut(whole, LONGEST_NAME) or "Sheet", {one.lower() for one in taken}, 2
    free = name
    while free.lower() in names:
        free = f"{_cut(name, LONGEST_NAME - len(str(number)) - 1)} {number}"
        number += 1
    return free


def _cut(words: str, most: int) -> str:
    """At most so many letters, whole words where there are several."""
    if len(words) <= most:
        return words
    return (words[: most + 1].rpartition(" ")[0] or words[:most]).strip(" ,;(–-'")


def saved(book: Any, at: datetime = OLDEST) -> bytes:
    """The bytes of a workbook, made and changed ``at``: the same workbook gives the same ones."""
    made = at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    book.properties.created = made
    first, out = io.BytesIO(), io.BytesIO()
    book.save(first)
    book.properties.modified = made  # saving has set it to the clock
    with zipfile.ZipFile(first) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            is_core = name == "docProps/core.xml"
            content = xml.tostring(book.properties.to_tree()) if is_core else old.read(name)
            entry = zipfile.ZipInfo(name, OLDEST.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, content)
    return out.getvalue()
