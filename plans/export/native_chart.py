"""A chart of ours as a spreadsheet draws it: native, from the cells of its own sheet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openpyxl.chart import BarChart, LineChart, Reference, Series

from gtm.core.money import spreadsheet_format
from plans.drawing.colours import COLOURS
from plans.export.sheets import FORMATS, is_amount, text
from programs.analytics.chances import CHANCE

SHAPES = frozenset({"bar", "stacked-bar", "histogram", "line", "tornado"})
WIDE, HIGH = 24, 11  # cm
ROW_OF_TORNADO = 0.9  # cm
LINE = 22_000  # EMU: 1.7 points


def native(payload: Mapping[str, Any], sheet: Any, top: int) -> BarChart | LineChart:
    """The chart of an output of kind chart in one of ``SHAPES``.

    ``sheet`` has its table, with the header in row ``top``: categories first, then a column each series and
    each of its ends.
    """
    shape = payload["shape"]
    chart = LineChart() if shape == "line" else BarChart()
    last = top + len(payload["categories"])
    names = Reference(sheet, min_col=1, min_row=top + 1, max_row=last)
    column = 1
    for number, one in enumerate(payload["series"]):
        colour = COLOURS[number % len(COLOURS)].removeprefix("#")
        for key in ("values", "low", "high"):
            if key != "values" and not one.get(key):
                continue
            column += 1
            if key == "values" or shape == "line":
                _add(chart, Reference(sheet, min_col=column, min_row=top, max_row=last), colour, key)
    chart.set_categories(names)
    chart.title = text(payload["title"])
    chart.x_axis.title = text(payload.get("x_label") or "") or None
    unit = payload.get("unit") or ""
    chart.y_axis.title = text(", ".join(filter(None, [payload.get("y_label"), unit]))) or None
    chart.y_axis.number_format = _format(unit)
    chart.x_axis.delete = chart.y_axis.delete = False
    chart.x_axis.tickLblPos = "low"  # below negative bars, not across them
    chart.legend.position = "b"
    chart.width, chart.height = WIDE, HIGH
    if isinstance(chart, BarChart):
        _bars(chart, shape, len(payload["categories"]))
    return chart


def _add(chart: BarChart | LineChart, values: Reference, colour: str, key: str) -> None:
    series = Series(values, title_from_data=True)
    if isinstance(chart, LineChart):
        series.smooth = False
        series.marker.symbol = "none"
        series.graphicalProperties.line.solidFill = colour
        series.graphicalProperties.line.width = LINE if key == "values" else LINE // 2
        if key != "values":
            series.graphicalProperties.line.dashStyle = "dash"
    else:
        series.graphicalProperties.solidFill = colour
    chart.series.append(series)


def _bars(chart: BarChart, shape: str, rows: int) -> None:
    if shape == "stacked-bar":
        chart.grouping, chart.overlap = "stacked", 100
    elif shape == "histogram":
        chart.gapWidth = 5
    elif shape == "tornado":
        chart.barDir = "bar"
        chart.x_axis.scaling.orientation = "maxMin"  # what moves it most is first
        chart.height = max(HIGH, ROW_OF_TORNADO * rows + 4)


def _format(unit: str) -> str:
    if unit in ("%", CHANCE):
        return FORMATS["percent"]
    return spreadsheet_format(unit).split(".")[0] if is_amount("number", unit) else "General"
