"""A chart of ours on paper: the SVG that a page shows, as a drawing of reportlab.

Read from the SVG, so that a chart is laid out in one place and looks the same on a page and in print. It
reads what ``plans.drawing.charts`` writes and refuses anything else; svglib, which reads any SVG, takes lxml
and a renderer in C for the sake of seven elements.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from xml.etree import ElementTree as ET

from reportlab.graphics import shapes
from reportlab.graphics.transform import mmult, rotate, translate
from reportlab.lib import colors

NAMESPACE = "{http://www.w3.org/2000/svg}"
NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")
UNSEEN = frozenset({"title", "desc"})


def draw(svg: str, *, width: float, font: str, ink: colors.Color) -> shapes.Drawing:
    """The chart of ``svg``, ``width`` points wide. Raises KeyError for an element charts do not have."""
    root = ET.fromstring(svg)  # noqa: S314 our own, never what a person sent
    _, _, across, down = _numbers(root.attrib["viewBox"])
    size = float(root.attrib["font-size"])
    made = shapes.Drawing(across, down)
    made.renderScale = width / across
    for element in root:
        name = element.tag.removeprefix(NAMESPACE)
        if name not in UNSEEN:
            made.add(_SHAPES[name](_Read(element, down, font, size, ink)))
    return made


class _Read:
    """One element, in reportlab's coordinates, which count from the bottom."""

    def __init__(self, element: ET.Element, down: float, font: str, size: float, ink: colors.Color) -> None:
        self.element, self.down, self.font, self.size, self.ink = element, down, font, size, ink

    def number(self, name: str) -> float:
        return float(self.element.attrib[name])

    def points(self) -> list[float]:
        found = _numbers(self.element.attrib["points"])
        return [self.down - n if k % 2 else n for k, n in enumerate(found)]

    def look(self) -> dict[str, object]:
        """Fill and stroke; ``opacity`` holds for both."""
        given: Mapping[str, str] = self.element.attrib
        opacity = float(given.get("opacity", 1))
        return {
            "fillColor": self._colour(given.get("fill", "none")),
            "fillOpacity": opacity * float(given.get("fill-opacity", 1)),
            "strokeColor": self._colour(given.get("stroke", "none")),
            "strokeOpacity": opacity,
            "strokeWidth": float(given.get("stroke-width", 1)),
            "strokeDashArray": _numbers(given.get("stroke-dasharray", "")) or None,
        }

    def _colour(self, name: str) -> colors.Color | None:
        return {"none": None, "currentColor": self.ink}.get(name) or (
            colors.HexColor(name) if name.startswith("#") else None
        )


def _line(read: _Read) -> shapes.Line:
    x1, x2, y1, y2 = map(read.number, ("x1", "x2", "y1", "y2"))
    look = {name: value for name, value in read.look().items() if name.startswith("stroke")}
    return shapes.Line(x1, read.down - y1, x2, read.down - y2, **look)


def _rectangle(read: _Read) -> shapes.Rect:
    x, y, width, height = map(read.number, ("x", "y", "width", "height"))
    return shapes.Rect(x, read.down - y - height, width, height, **read.look())


def _polyline(read: _Read) -> shapes.PolyLine:
    return shapes.PolyLine(read.points(), **read.look() | {"fillColor": None})


def _polygon(read: _Read) -> shapes.Polygon:
    return shapes.Polygon(read.points(), **read.look())


def _words(read: _Read) -> shapes.Shape:
    x, y = read.number("x"), read.down - read.number("y")
    words = shapes.String(
        x,
        y,
        read.element.text or "",
        fontName=read.font,
        fontSize=read.size,
        fillColor=read.ink,
        textAnchor=read.element.attrib["text-anchor"],
    )
    if "transform" not in read.element.attrib:
        return words
    angle, about_x, about_y = _numbers(read.element.attrib["transform"])
    there, back = translate(about_x, read.down - about_y), translate(-about_x, about_y - read.down)
    return shapes.Group(words, transform=mmult(mmult(there, rotate(-angle)), back))


_SHAPES: dict[str, Callable[[_Read], shapes.Shape]] = {
    "line": _line,
    "rect": _rectangle,
    "polyline": _polyline,
    "polygon": _polygon,
    "text": _words,
}


def _numbers(text: str) -> list[float]:
    return [float(found) for found in NUMBERS.findall(text)]
