"""Charts as pictures, drawn by a process of their own."""

import io
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from gtm.core.errors import NotNow
from plans.drawing import pictures
from tests.plans.drawing.test_specification import ALL, chart


def test_every_shape_becomes_a_picture_on_paper():
    drawn = pictures.pictures([(payload, None) for payload in ALL.values()], "svg")
    roots = [ET.fromstring(one) for one in drawn]
    assert len(roots) == len(ALL)
    assert all(float(root.attrib["width"]) <= pictures.WIDTH for root in roots)
    assert all(b"currentColor" not in one for one in drawn)
    assert all(len(list(root.iter("{http://www.w3.org/2000/svg}text"))) > 3 for root in roots)


def test_a_png_is_twice_as_large_on_white():
    (drawn,) = pictures.pictures([(chart("bar"), None)], "png")
    picture = Image.open(io.BytesIO(drawn)).convert("RGB")
    assert picture.width == 2 * pictures.WIDTH
    assert picture.getpixel((1, 1)) == (255, 255, 255)


def test_names_of_series_are_told_in_full_however_long_they_are():
    names = ["Überregionale Datenanalyse- und Beratungsgenossenschaft eG Köln",
             "Nordwind Wolkenrechenzentren Betriebsgesellschaft mbH & Co. KG"]  # fmt: skip
    payload = chart("bar")
    series = [one | {"label": name} for one, name in zip(payload["series"] * 2, names, strict=False)]
    (drawn,) = pictures.pictures([(payload | {"series": series}, None)], "svg")
    texts = [text.text for text in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    assert set(names) <= set(texts)


def test_the_same_chart_is_the_same_picture():
    assert pictures.pictures([(chart(), None)], "svg") == pictures.pictures([(chart(), None)], "svg")


def test_an_engine_that_fails_says_that_it_can_be_tried_again(monkeypatch):
    monkeypatch.setattr(pictures, "CHILD", "plans.drawing.no_such_module")
    with pytest.raises(NotNow, match="cannot be drawn at the moment"):
        pictures.pictures([(chart(), None)], "png")
