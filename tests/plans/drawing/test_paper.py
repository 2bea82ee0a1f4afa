"""Charts on paper: every shape that a page can show, laid out as there."""

from math import radians, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportlab.graphics import shapes
from reportlab.lib import colors

from plans.drawing import charts, paper

INK = colors.HexColor("#111827")
SERIES = [
    {"label": "Gold & silver", "values": [1.0, 2.5, None], "low": [0.5, 2.0, None], "high": [1.5, 3.0, None]},
    {"label": "Złoty", "values": [2.0, 3.0, 4.0], "low": [1.0, 2.0, 3.0], "high": [3.0, 4.0, 5.0]},
]
CHART = {
    "kind": "chart", "key": "c", "title": "How <it> went", "categories": ["a", "b", "c"], "series": SERIES,
    "x_label": "month", "y_label": "members", "unit": "%", "note": "",
    "origin": "2026-03-01", "marks": [["2026-03-05", "go-live"]],
}  # fmt: skip
SHAPES = ["line", "bar", "stacked-bar", "histogram", "heatmap", "tornado", "gantt"]
WHOLE = [SERIES[1] | {"label": "low"}, SERIES[1] | {"label": "high"}]


def drawn(markup, width=720):
    return paper.draw(markup, width=width, font="Helvetica", ink=INK)


def one(element):
    """What is drawn for ``element`` on a sheet of 100 by 50."""
    frame = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 50" font-size="12">{}</svg>'
    return drawn(frame.format(element)).contents[0]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_chart_is_drawn_with_all_its_parts(shape):
    markup = charts.draw(CHART | {"shape": shape, "series": WHOLE})
    found = drawn(markup)
    parts = sum(markup.count(f"<{name} ") for name in ("line", "rect", "polyline", "polygon", "text"))
    assert len(found.contents) == parts > 5


def test_a_chart_is_as_wide_as_asked_and_keeps_its_proportions():
    found = drawn(charts.draw(CHART | {"shape": "bar"}), width=360)
    assert found.wrap(1000, 1000) == (360, 160)


def test_what_is_on_top_of_a_page_is_on_top_of_the_paper():
    box = one('<rect x="10" y="5" width="20" height="15" fill="#7c3aed" opacity=".5"/>')
    assert (box.x, box.y, box.width, box.height) == (10, 30, 20, 15)
    assert (box.fillColor, box.fillOpacity) == (colors.HexColor("#7c3aed"), 0.5)
    line = one('<line x1="1" x2="2" y1="0" y2="50" stroke="currentColor" stroke-dasharray="6 3"/>')
    assert (line.y1, line.y2, line.strokeColor, line.strokeDashArray) == (50, 0, INK, [6, 3])


@given(st.floats(-360, 360), st.integers(0, 100), st.integers(0, 50))
def test_words_turn_around_the_point_that_the_page_turns_them_around(angle, x, y):
    place = f'x="{x}" y="{y}" text-anchor="middle"'
    group = one(f'<text {place} transform="rotate({angle:.3f} {x} {y})">up</text>')
    a, b, c, d, e, f = group.transform
    words = group.contents[0]
    assert isinstance(words, shapes.String) and (words.text, words.textAnchor) == ("up", "middle")
    turned = (a * words.x + c * words.y + e, b * words.x + d * words.y + f)
    assert turned == pytest.approx((words.x, words.y), abs=1e-6)
    assert b == pytest.approx(-sin(radians(round(angle, 3))), abs=1e-6)


def test_an_element_that_charts_do_not_have_is_refused():
    with pytest.raises(KeyError, match="circle"):
        one('<circle cx="1" cy="1" r="1"/>')
