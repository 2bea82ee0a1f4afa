"""Groups of a chart that are named by several things: a reader chooses among them."""

import pytest

from plans.drawing import points, specification
from tests.plans.drawing.test_specification import chart

CATEGORIES = ["social · gold", "social · silver", "email · gold", "email · silver", "All"]


def grouped(shape="bar", **more):
    series = [{"label": "Won", "values": [5.0, 4.0, 3.0, 2.0, 1.0], "low": [], "high": []}]
    return chart(shape, **{"categories": CATEGORIES, "series": series, "x_label": "channel · tier"} | more)


def test_each_thing_that_groups_are_by_has_its_values_and_its_name():
    made = specification.with_points(specification.specification(grouped()), grouped())
    assert made["usermeta"]["groups"] == {
        "field": "category",
        "names": ["channel", "tier"],
        "values": [["social", "email"], ["gold", "silver"]],
    }


def test_series_are_groups_as_well_whose_things_the_chart_does_not_name():
    series = [{"label": one, "values": [1.0], "low": [], "high": []} for one in CATEGORIES[:4]]
    found = points.groups(grouped("line", categories=["1998-01"], series=series))
    assert (found["field"], found["names"], len(found["values"])) == ("series", [], 2)


@pytest.mark.parametrize(
    "other",
    [
        {"categories": ["a · b", "c · d"]},
        {"categories": ["a · b · c", "d · e", "a · e", "d · b"]},
        {"categories": ["a · x", "b · x", "c · x", "d · x"]},
        {"categories": ["a", "b", "c", "d"]},
    ],
)
def test_where_there_is_nothing_to_choose_nothing_is_offered(other):
    assert points.groups(grouped(**other)) == {}


def test_a_tornado_and_a_plan_of_time_have_no_groups():
    assert points.groups(grouped("tornado")) == {} == points.groups(grouped("gantt"))
