"""Tolerances are measured from what was approved."""

from hypothesis import given
from hypothesis import strategies as st

from plans.engine.gates.tolerance import Difference, differences, outside

json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xy", max_size=1), inner, max_size=3),
)


@given(json)
def test_nothing_differs_from_itself(value):
    assert list(differences(value, value)) == []


@given(json, json)
def test_what_differs_is_told(before, after):
    assert bool(list(differences(before, after))) == (before != after)


def test_differences_name_the_leaf():
    found = list(differences({"a": {"b": ["1", "2"]}}, {"a": {"b": ["1", "3"]}, "c": 1}))
    assert found == [Difference("a.b[1]", "2", "3"), Difference("c", None, 1)]


def test_a_tolerance_holds_at_its_edge_and_not_beyond():
    assert outside({"e": {"roi": "100"}}, {"e": {"roi": "105.00"}}, {"e": 0.05}) == ()
    assert outside({"e": {"roi": "100"}}, {"e": {"roi": "105.01"}}, {"e": 0.05}) == ("e.roi",)


def test_twenty_small_steps_leave_the_tolerance_of_the_baseline():
    assert outside({"e": 1.0}, {"e": 1.049**2}, {"e": 0.05}) == ("e",)


def test_text_structure_and_truth_have_no_tolerance():
    before = {"e": {"name": "gold", "on": True, "tiers": [1, 2]}}
    after = {"e": {"name": "silver", "on": False, "tiers": [1, 2, 3]}}
    assert outside(before, after, {"e": 10}) == ("e.name", "e.on", "e.tiers")


def test_what_has_no_declared_tolerance_may_not_move_at_all():
    assert outside({"e": 100}, {"e": 101}, {"f": 0.05}) == ("e",)


def test_infinities_and_not_a_number_are_never_within_a_tolerance():
    before = {"e": {"a": "Infinity", "b": "NaN", "c": "1"}}
    after = {"e": {"a": "5", "b": "1", "c": "Infinity"}}
    assert outside(before, after, {"e": 0.1}) == ("e.a", "e.b", "e.c")
