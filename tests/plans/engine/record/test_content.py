"""The change log says what changed: each input, tier and owner from what to what."""

import pytest

from gtm.core.evidence import changelog
from gtm.core.evidence.differ import ContentChange, differ
from plans.engine.people import human_tasks
from plans.engine.record.content import CONTENT, REPEATED
from plans.export import document
from plans.runs import revise
from tests.factories import PersonFactory, make_plan
from tests.plans.conftest import BLUEPRINT, start, work_off


def told(plan, event=CONTENT):
    """Place → (from, to) of the rows of an event, as the plan JSON shows them."""
    rows = [row for row in document.build(plan)["change_log"] if row["event"] == event]
    return {row["field"]: (row["from"], row["to"]) for row in rows}


def test_tiers_and_budget_of_a_change_are_told_and_then_what_the_design_makes_of_them(organisation):
    plan = work_off(start(BLUEPRINT), "tier-design")
    assert told(plan) == {}
    revise.change(plan, {"tiers": "4", "budget": "45000"}, comment="The board wants a fourth.")
    asked = told(plan)
    assert asked["inputs/tiers"] == (3, 4)
    assert asked["inputs/budget/amount"] == ("50000", "45000")
    rows = [row for row in document.build(plan)["change_log"] if row["event"] == CONTENT]
    assert {row["reason"] for row in rows} == {"The board wants a fourth."}
    before = {tier["rank"]: tier for tier in plan.tasks.get(key="tier-design").output["tiers"]}
    work_off(plan, "tier-design")
    after = {tier["rank"]: tier for tier in plan.tasks.get(key="tier-design").output["tiers"]}
    made = told(plan)
    assert {at: sides for at, sides in made.items() if at.startswith("design/tiers/")} == {
        f"design/tiers/{rank}/{name}": (before[rank][name], after[rank][name])
        for rank in before
        for name in before[rank]
        if before[rank][name] != after[rank][name]
    } | {"design/tiers/4": (None, {name: value for name, value in after[4].items() if name != "rank"})}
    assert made["design/annual_budget"] == (200_000, 180_000)


def test_another_run_says_what_it_does_otherwise_than_the_one_before(organisation):
    first = start(BLUEPRINT)
    again = start(BLUEPRINT)
    other = start(BLUEPRINT.replace("--tiers 3", "--tiers hybrid"))
    assert (told(first, REPEATED), told(again, REPEATED)) == ({}, {})
    assert told(other, REPEATED) == {"inputs/tiers": (3, "hybrid")}


def test_an_owner_is_told_by_name_and_the_key_stands_beside_for_the_audit(acting):
    plan = make_plan(owner=PersonFactory(name="Ann Lee"))
    task, bo = plan.tasks.get(key="publish"), PersonFactory(name="Bo Chen")
    before = task.owner_id
    human_tasks.reassign(task, owner=bo, comment="Ann is away.")
    (row,) = [r for r in changelog.rows(plan.change_chain()) if r["field"] == "owner"]
    assert (row["from"], row["to"], row["reason"]) == ("Ann Lee", "Bo Chen", "Ann is away.")
    assert row["fields"] == {"owner_id": {"from": before, "to": bo.pk}}


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": ["x"]}, {"a": ["x", "y"]}, [("a", ["x"], ["x", "y"])]),
        ({"tiers": [{"rank": 1, "t": 0}, {"rank": 2, "t": 5}]},
         {"tiers": [{"rank": 2, "t": 6}, {"rank": 1, "t": 0}]},
         [("tiers/2/t", 5, 6)]),
        ({"tiers": [{"rank": 1, "t": 0}]}, {"tiers": [{"rank": 1, "t": 0}, {"rank": 2, "t": 6}]},
         [("tiers/2", None, {"t": 6})]),
        ({"a": {"b": 1}}, {}, [("a", {"b": 1}, None)]),
        ({"a": [{"n": 1}, {"n": 1}]}, {"a": [{"n": 2}, {"n": 1}]},
         [("a", [{"n": 1}, {"n": 1}], [{"n": 2}, {"n": 1}])]),
        ({"a": None}, {"a": 0}, [("a", None, 0)]),
    ],
)  # fmt: skip
def test_every_place_that_differs_is_found_and_no_other(before, after, found):
    assert list(differ(before, after)) == [ContentChange(*change) for change in found]
