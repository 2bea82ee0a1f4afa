"""The Gantt chart: a bar a task, dates under it, the launch marked."""

from xml.etree import ElementTree

from plans.export import render
from plans.schemas.outputs import Chart, Series, payload_of

SVG = "{http://www.w3.org/2000/svg}"


def chart(launch):
    return payload_of(
        Chart(
            "gantt",
            "Gantt",
            "gantt",
            ["Forms & flows", "Terms"],
            [
                Series("on the critical path", [3.0, None], [0.0, None], [3.0, None]),
                Series("with slack", [None, 2.0], [None, 1.0], [None, 4.0]),
            ],
            origin="2026-03-02",
            marks=[[launch, "launch"]],
        )
    )


def read(payload):
    drawn = ElementTree.fromstring(render.render(payload, "svg").content)
    return drawn, [text.text for text in drawn.iter(f"{SVG}text")]


def test_bars_stand_where_their_days_are():
    drawn, texts = read(chart("2026-03-10"))
    bars = list(drawn.iter(f"{SVG}rect"))
    assert [bar.find(f"{SVG}title").text for bar in bars] == [
        "Forms & flows: 2026-03-02 to 2026-03-04, at the latest 2026-03-04",
        "Terms: 2026-03-03 to 2026-03-03, at the latest 2026-03-05",
    ]
    first, second = (float(bar.get("width")) for bar in bars)
    assert round(first / second, 1) == 3.0
    assert {"Forms & flows", "launch 2026-03-10", "03-02"} <= set(texts)


def test_a_span_over_two_years_says_the_year():
    _, texts = read(chart("2025-12-10"))
    assert any(text.startswith("2025-") for text in texts)
