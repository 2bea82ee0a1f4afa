"""Outputs as files: CSV, XLSX, JSON, Markdown, a chart as SVG, PNG or Vega-Lite, or the kept file itself.

One place, for REST, admin and reports.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from gtm.core import canonical
from gtm.core.bounded.work import MEBIBYTE, Bounds, work
from gtm.core.later import later
from gtm.core.money import amount_text
from gtm.core.percents import percent_text
from gtm.core.places import filestore
from plans.drawing import pictures, specification
from plans.export import sheets
from plans.export.sheets import AMOUNT, is_amount
from plans.schemas import answer
from programs.analytics.chances import CHANCE, chance_in_words
from programs.datasets.loading.cells import inert, writable

if TYPE_CHECKING:
    import openpyxl
else:
    openpyxl = later("openpyxl")

WORKBOOK = Bounds("Writing the workbook", "Take the table as CSV.", seconds=60, memory=1024 * MEBIBYTE)
FORMATS = ("csv", "xlsx", "json", "svg", "png", "vega", "md", "file")
OF_CHARTS = frozenset({"svg", "png", "vega"})
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
    "svg": "image/svg+xml",
    "png": "image/png",
    "vega": "application/vnd.vegalite.v6+json",
    "md": "text/markdown; charset=utf-8",
}

BACKLOG_TITLES = {
    "title": "Title", "why": "Why", "owner": "Owner", "due": "Due", "expected_value": "Expected value",
    "low": "Low", "high": "High", "unit": "Unit", "lift": "Change", "sample_size": "Sample size",
    "effort": "Effort",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rendered:
    """Content to download; ``suffix`` ends the name of the file, without a dot."""

    content: bytes
    media_type: str
    suffix: str


@dataclass(frozen=True, slots=True)
class Grid:
    """Any output as rows and columns; ``kinds`` say how a column is read (see outputs.Column).

    A "figure" is a number, or now and then a day, in the unit that its row says in its column ``unit_in``; a
    "fact" may be words as well.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Any]]
    kinds: Sequence[str]
    units: Sequence[str]
    unit_in: int | None = None

    def units_of(self, row: Sequence[Any]) -> list[str]:
        """The unit of each cell of a row."""
        own = "" if self.unit_in is None else str(row[self.unit_in] or "")
        pairs = zip(self.kinds, self.units, strict=True)
        return [unit or (own if kind in ("figure", "fact") else "") for kind, unit in pairs]


def formats_of(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """What an output can be downloaded as; a file as itself."""
    if payload["kind"] == "file":
        return "file", "json"
    return tuple(f for f in FORMATS if f != "file" and (f not in OF_CHARTS or payload["kind"] == "chart"))


def render(payload: Mapping[str, Any], fmt: str, specified: Mapping[str, Any] | None = None) -> Rendered:
    """An output in a format of ``formats_of``; ``specified`` is the specification kept with a chart.

    Raises NotFound for a file whose content is gone, NotNow for a chart that cannot be drawn, and
    InvalidInput for a table that is too large for a workbook.
    """
    if fmt == "file":
        suffix = PurePosixPath(payload["path"]).suffix.lstrip(".")
        return Rendered(filestore.read(payload["path"]), payload["media_type"], suffix)
    if fmt in ("svg", "png"):
        (picture,) = pictures.pictures([(payload, specified)], fmt)
        return Rendered(picture, MEDIA_TYPES[fmt], fmt)
    if fmt == "vega":
        found = specification.with_points(specified or specification.specification(payload), payload)
        return Rendered(canonical.document(found), MEDIA_TYPES[fmt], "vl.json")
    if fmt == "xlsx":
        return Rendered(work(f"{__name__}:xlsx", payload, bounds=WORKBOOK), MEDIA_TYPES[fmt], fmt)
    makers = {"csv": _csv, "json": canonical.document, "md": _markdown}
    return Rendered(makers[fmt](payload), MEDIA_TYPES[fmt], fmt)


def grid(payload: Mapping[str, Any]) -> Grid:
    """The table behind every output."""
    return _GRIDS[payload["kind"]](payload)


def keys_of(payload: Mapping[str, Any]) -> Sequence[str]:
    """The keys of the columns of ``grid``, for tables and backlogs; of any other output none."""
    if payload["kind"] == "table":
        return [column["key"] for column in payload["columns"]]
    return tuple(BACKLOG_TITLES) if payload["kind"] == "backlog" else ()


def chosen(found: Grid, keys: Sequence[str], wanted: Sequence[str]) -> Grid:
    """The columns ``wanted`` of a grid with ``keys``, in the order wanted; all of them if none is there."""
    places = [keys.index(name) for name in wanted if name in keys]
    if not places:
        return found
    own = None if found.unit_in is None else str(keys[found.unit_in])
    names = [keys[place] for place in places]
    return Grid(
        [found.header[place] for place in places],
        [[row[place] for place in places] for row in found.rows],
        [found.kinds[place] for place in places],
        [found.units[place] for place in places],
        names.index(own) if own in names else None,
    )


def _table(payload: Mapping[str, Any]) -> Grid:
    columns = payload["columns"]
    header = [c["label"] for c in columns]
    unit_in = next((n for n, c in enumerate(columns) if c["key"] == "unit"), None)
    kinds = [
        "figure" if c["kind"] == "number" and unit_in is not None and not c["unit"] else c["kind"]
        for c in columns
    ]
    return Grid(header, payload["rows"], kinds, [c["unit"] for c in columns], unit_in)


def _metrics(payload: Mapping[str, Any]) -> Grid:
    header = ["Figure", "Value", "Unit", "Low", "High", "Level", "Numerator", "Denominator", "Note"]
    kinds = ["text", "figure", "text", "figure", "figure", "percent", "number", "number", "text"]
    rows = [
        [m["label"], m["value"], m["unit"], m["low"], m["high"], m["level"], m["numerator"], m["denominator"],
         m["unavailable"] or m["definition"]]
        for m in payload["items"]
    ]  # fmt: skip
    return Grid(header, rows, kinds, [""] * len(header), unit_in=2)


def _chart(payload: Mapping[str, Any]) -> Grid:
    drawn = [
        (f"{one['label']}{what}", one[key])
        for one in payload["series"]
        for key, what in (("values", ""), ("low", ", low"), ("high", ", high"))
        if key == "values" or one.get(key)
    ]
    header = [payload.get("x_label") or "category", *(label for label, _ in drawn)]
    rows = [[c, *(values[k] for _, values in drawn)] for k, c in enumerate(payload["categories"])]
    units = ["", *[payload.get("unit", "")] * len(drawn)]
    return Grid(header, rows, ["text", *["number"] * len(drawn)], units)


def _backlog(payload: Mapping[str, Any]) -> Grid:
    names, header = tuple(BACKLOG_TITLES), list(BACKLOG_TITLES.values())
    kinds = ["text", "text", "text", "date", "figure", "figure", "figure", "text", "text", "integer", "text"]
    rows = [[item.get(name) for name in names] for item in payload["items"]]
    return Grid(header, rows, kinds, [""] * len(names), unit_in=names.index("unit"))


def _document(payload: Mapping[str, Any]) -> Grid:
    rows = [
        [section["heading"], line]
        for section in payload["sections"]
        for line in [*section["paragraphs"], *section["bullets"]]
    ]
    return Grid(["Section", "Text"], rows, ["text", "text"], ["", ""])


def _file(payload: Mapping[str, Any]) -> Grid:
    names = ("title", "path", "media_type", "sha256", "bytes")
    return Grid([n.capitalize() for n in names], [[payload[n] for n in names]], ["text"] * 5, [""] * 5)


def _messages(payload: Mapping[str, Any]) -> Grid:
    names = ("path", "title", "channel", "audience", "subject", "body")
    rows = [[item[name] for name in names] for item in payload["items"]]
    return Grid([n.capitalize() for n in names], rows, ["text"] * 6, [""] * 6)


def _answer(payload: Mapping[str, Any]) -> Grid:
    kinds = ["text", "figure", "text"]
    return Grid(["What", "Value", "Unit"], answer.rows_of(payload), kinds, [""] * 3, unit_in=2)


_GRIDS = {
    "answer": _answer,
    "table": _table,
    "metrics": _metrics,
    "chart": _chart,
    "backlog": _backlog,
    "document": _document,
    "file": _file,
    "messages": _messages,
}


def safe_cell(value: Any) -> Any:
    """A value that every spreadsheet can hold and none takes for a formula."""
    if value is None:
        return ""
    return inert(writable(value)) if isinstance(value, str) else value


def _csv(payload: Mapping[str, Any]) -> bytes:
    found = grid(payload)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([safe_cell(h) for h in found.header])
    writer.writerows([safe_cell(v) for v in row] for row in found.rows)
    return out.getvalue().encode()


def xlsx(payload: Mapping[str, Any]) -> bytes:
    """An output as a workbook of one sheet."""
    found = grid(payload)
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = sheets.free_name([], payload["key"])
    sheets.fill(sheet, found)
    return sheets.saved(book)


def _markdown(payload: Mapping[str, Any]) -> bytes:
    lines = [f"# {payload['title']}", ""]
    if payload["kind"] == "document":
        for section in payload["sections"]:
            lines += [f"## {section['heading']}", "", *section["paragraphs"]]
            lines += [f"- {bullet}" for bullet in section["bullets"]] + [""]
    else:
        found = grid(payload)
        lines.append("| " + " | ".join(_plain(h) for h in found.header) + " |")
        lines.append("|" + "---|" * len(found.header))
        lines += [
            "| " + " | ".join(map(_told, row, found.kinds, found.units_of(row))) + " |" for row in found.rows
        ]
    note = payload.get("note")
    return ("\n".join([*lines, "", note] if note else lines) + "\n").encode()


def _told(value: Any, kind: str, unit: str) -> str:
    """A cell as people read it: whole counts, one decimal of a percentage, four digits of a number."""
    if is_amount(kind, unit) and AMOUNT.fullmatch(str(value)):
        return amount_text(Decimal(str(value)), unit)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _plain(value)
    if kind == "percent":
        return percent_text(value)
    if kind == "chance" or (unit == CHANCE and kind in ("number", "figure")):
        return chance_in_words(value if kind == "chance" else value / 100, 1)
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 10_000 else f"{value:,.4g}"


def _plain(value: Any) -> str:
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
