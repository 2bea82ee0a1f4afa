"""Charts as they are laid out: names that can be read, intervals that can be seen."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.drawing import charts

PER_LETTER = 6.6
NAME = st.text("abcdefghijklmnop-", min_size=1, max_size=30)


def chart(shape, categories, **series):
    values = [float(n + 1) for n in range(len(categories))]
    return {"shape": shape, "title": "A chart", "categories": categories, "y_label": "deals", "unit": "deals",
            "series": [{"label": "all", "values": values} | series]}  # fmt: skip


def texts(drawn):
    root = ET.fromstring(drawn)
    return list(root.iter("{http://www.w3.org/2000/svg}text"))


def span(text):
    """Where a level text begins and ends on the line."""
    x, wide = float(text.attrib["x"]), PER_LETTER * len(text.text)
    begins = {"start": x, "middle": x - wide / 2, "end": x - wide}[text.attrib["text-anchor"]]
    return begins, begins + wide


@given(st.lists(NAME, min_size=1, max_size=60, unique=True), st.sampled_from(["line", "histogram", "bar"]))
def test_level_labels_of_an_axis_never_run_into_each_other_or_over_the_edge(names, shape):
    drawn = texts(charts.draw(chart(shape, names)))
    level = sorted(span(t) for t in drawn if t.text in names and "transform" not in t.attrib)
    assert all(end <= begin for (_, end), (begin, _) in zip(level, level[1:], strict=False))
    assert all(end <= charts.WIDTH for _, end in level)


def test_names_that_are_wider_than_their_bar_lean_and_make_the_chart_taller():
    short, long = (
        charts.draw(chart("bar", ["a", "b"])),
        charts.draw(chart("bar", ["x" * 20] * 2 + ["y" * 20] * 20)),
    )
    assert not [t for t in texts(short) if "rotate(-35" in t.attrib.get("transform", "")]
    assert len([t for t in texts(long) if "rotate(-35" in t.attrib.get("transform", "")]) == 22
    height = [float(ET.fromstring(one).attrib["viewBox"].split()[3]) for one in (short, long)]
    assert height[0] == charts.HEIGHT < height[1]


@pytest.mark.parametrize("low, lines", [([0.5], 3), ([None], 0), ([], 0)])
def test_a_bar_shows_its_interval_where_it_has_one(low, lines):
    drawn = charts.draw(chart("bar", ["a"], low=low, high=[2.0] if low else []))
    whiskers = [e for e in ET.fromstring(drawn).iter() if e.attrib.get("stroke-width") == "1.5"]
    assert len(whiskers) == lines


def test_a_unit_that_is_the_label_stands_there_once():
    assert "deals" in [t.text for t in texts(charts.draw(chart("bar", ["a"])))]
