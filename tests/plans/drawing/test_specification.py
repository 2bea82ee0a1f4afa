"""Charts as specifications: valid, the same each time, and true to the output they show."""

import json
import subprocess
import sys

import altair
import pytest

from plans.drawing import points, specification, words

FLAT = [1.0, 2.5, None]


def chart(shape="line", **more):
    won = {"label": "Won", "values": [3.0, None, 9.0], "low": [2.0, None, None], "high": [4.0, None, None]}
    series = [{"label": "Active", "values": FLAT, "low": [], "high": []}, won]
    return {"kind": "chart", "key": "k", "title": "A chart", "shape": shape, "categories": ["a", "b", "c"],
            "series": series, "x_label": "window", "y_label": "share", "unit": "%", "note": "", "origin": "",
            "marks": []} | more  # fmt: skip


def gantt():
    series = [{"label": "critical", "values": [3.0, None], "low": [0.0, None], "high": [3.0, None]},
              {"label": "slack", "values": [None, 2.0], "low": [None, 1.0], "high": [None, 4.0]}]  # fmt: skip
    return chart("gantt", categories=["Forms", "Terms"], series=series, origin="2026-03-02", unit="days",
                 marks=[["2026-03-10", "launch"]])  # fmt: skip


def tornado():
    series = [{"label": "at its low", "values": [1.0, 8.0]}, {"label": "at its high", "values": [5.0, 2.0]}]
    return chart("tornado", categories=["lift", "cost"], series=series, unit="USD", y_label="net")


ALL = {shape: chart(shape) for shape in ("line", "bar", "histogram", "stacked-bar", "heatmap")}
ALL |= {
    "gantt": gantt(),
    "tornado": tornado(),
    "long names": chart("bar", categories=["x" * 30, "y" * 30, "z"]),
}


@pytest.mark.parametrize("payload", ALL.values(), ids=ALL)
def test_every_shape_is_valid_and_the_same_each_time(payload):
    first, second = (specification.specification(payload) for _ in range(2))
    assert json.dumps(first) == json.dumps(second)
    altair.Chart.from_dict(
        specification.with_points({name: part for name, part in first.items() if name != "usermeta"}, payload)
    )


@pytest.mark.parametrize("name", sorted(ALL.keys() - {"heatmap"}))
def test_a_specification_holds_no_number_of_its_own(name):
    payload = ALL[name]
    other = json.loads(json.dumps(payload).replace("2.5", "77.5"))
    assert specification.specification(payload)["usermeta"] == specification.specification(other)["usermeta"]
    assert "77.5" not in json.dumps(specification.specification(other))


def test_a_heatmap_is_shaded_up_to_the_largest_value_after_the_first_column():
    shade = specification.specification(chart("heatmap"))["encoding"]["fillOpacity"]["scale"]
    assert shade == {"domain": [0, 9.0], "range": [0.06, 1], "clamp": True}


def test_points_are_the_known_values_of_the_output_with_unit_and_interval():
    found = points.points(chart())
    assert [(p["series"], p["category"], p["value"], p["told"], p.get("range")) for p in found] == [
        ("Active", "a", 1.0, "1.0 %", None),
        ("Active", "b", 2.5, "2.5 %", None),
        ("Won", "a", 3.0, "3.0 %", "2.0 to 4.0 %"),
        ("Won", "c", 9.0, "9.0 %", None),
    ]


def test_a_task_is_said_with_its_last_day_and_drawn_to_the_moment_after_it():
    forms, terms = points.points(gantt())
    assert (forms["begin"], forms["end"], forms["told"]) == (
        "2026-03-02",
        "2026-03-05",
        "2026-03-02 to 2026-03-04",
    )
    assert (terms["told"], terms["range"]) == ("2026-03-03 to 2026-03-03", "at the latest 2026-03-05")
    assert points.marks(gantt()) == [{"day": "2026-03-10", "what": "launch"}]


def test_a_bar_of_a_tornado_says_both_ends_and_which_way_is_better():
    lift, cost = points.points(tornado())
    assert (lift["series"], cost["series"]) == (points.RISES, points.FALLS)
    assert cost["range"] == "8 USD at its low, 2 USD at its high"


def test_a_long_line_is_drawn_by_means_with_their_lowest_and_highest_and_says_so():
    days = [f"d{n}" for n in range(1001)]
    long = chart(categories=days, series=[{"label": "x", "values": [float(n) for n in range(1001)]}])
    found = points.points(long)
    assert len(found) == 334 <= points.MOST_POINTS
    assert (found[0]["category"], found[0]["value"], found[0]["low"], found[0]["high"]) == (
        "d0 to d2",
        1.0,
        0.0,
        2.0,
    )
    assert (found[-1]["category"], found[-1]["high"]) == ("d999 to d1000", 1000.0)
    assert specification.specification(long)["usermeta"]["interval"] == "Lowest to highest of 3 values"


def test_a_series_is_defined_in_words_with_the_unit_in_words():
    told = specification.specification(chart(), {"Won": "deals won of invitations"})["usermeta"]["means"]
    assert told == {"Active": "Share, in percent", "Won": "Deals won of invitations, in percent"}
    assert words.unit_in_words("USD") == "US dollars"
    assert words.unit_in_words("points") == "points"


def test_series_can_be_switched_off_where_there_are_several():
    of = {name: specification.specification(payload)["usermeta"]["series"] for name, payload in ALL.items()}
    assert [one["label"] for one in of["line"]] == ["Active", "Won"]
    assert [one["label"] for one in of["tornado"]] == [points.RISES, points.FALLS]
    assert of["heatmap"] == []


def test_an_unknown_shape_is_refused():
    with pytest.raises(KeyError):
        specification.specification(chart("pie"))


def test_drawing_a_page_does_not_load_the_engine_of_pictures():
    code = (
        "import sys\nfrom plans.drawing import specification, pictures, browser_library\n"
        "from tests.plans.drawing.test_specification import chart\n"
        "specification.specification(chart())\nprint('vl_convert' in sys.modules, 'altair' in sys.modules)"
    )
    environment = {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": ":".join(sys.path),
        "PATH": "/usr/bin",
    }
    told = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup()\n{code}"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (told.stdout.strip(), told.returncode) == ("False True", 0), told.stderr
