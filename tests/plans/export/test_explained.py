"""What the rows of a log say of the text, value by value."""

import json

import pytest

from gtm.core import canonical
from gtm.core.evidence import changelog, told
from plans.export import explained

NEVER = "2026-01-01T00:00:00.000000Z"


@pytest.fixture
def body(exported):
    return json.loads(exported)


def rows(body, entity, event):
    return [row for row in body["change_log"] if (row["entity"], row["event"]) == (entity, event)]


def places(found):
    return [place for place, _ in found.contradictions]


def erase(row):
    row |= dict.fromkeys(changelog.PAYLOAD) | {"erased": True, "salt": None}
    row.pop(changelog.FIELDS, None)


@pytest.mark.parametrize(
    ("value", "last", "expected"),
    [
        ("a", "a", True),
        ("a", "b", False),
        (5, "5", True),
        (5, 5, True),
        (5.0, 5, True),
        (True, 1, False),
        ({"a": 1}, told.DIGEST + canonical.digest({"a": 1}), True),
        ({"a": 2}, told.DIGEST + canonical.digest({"a": 1}), False),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ([], None, True),
        ({}, None, True),
        ("", None, True),
        (None, None, True),
        (0, None, True),
        (False, None, False),
        ("x", None, False),
        ([0], None, False),
    ],
)
def test_a_value_is_what_a_row_told_in_each_form_it_tells(value, last, expected):
    assert explained.is_told(value, last) is expected


def test_the_status_is_where_the_last_transition_led(body):
    found = explained.state(body)
    assert (found.contradictions, found.compared, found.unknown) == ([], 1, 0)
    assert places(explained.state(body | {"status": "failed"})) == ["status"]
    body["change_log"] = []
    assert explained.state(body).unknown == 1


COLUMNS = {
    "inputs": ("command", lambda body: body["command"].update(inputs={})),
    "plugin": ("command", lambda body: body["command"].update(plugin="x")),
    "command": ("command", lambda body: body["command"].update(name="x")),
    "usage": ("command", lambda body: body["command"].update(usage="x")),
    "objective": ("objective", lambda body: body.update(objective="x")),
    "complexity": ("complexity", lambda body: body.update(complexity="x")),
    "strategy": ("strategy", lambda body: body.update(strategy="x")),
    "datasets": ("datasets", lambda body: body.update(datasets=[])),
    "checklist": ("review_checklist", lambda body: body.update(review_checklist=[])),
    "seed": ("integrity", lambda body: body["integrity"].update(seed=1)),
}


@pytest.mark.parametrize("column", COLUMNS)
def test_each_column_of_the_plan_is_held_against_its_rows(body, column):
    assert explained.columns(body).compared == len(COLUMNS) == len(explained.OF_PLAN)
    place, alter = COLUMNS[column]
    alter(body)
    sentence = f"its {column} is not the one in the change log"
    assert explained.columns(body).contradictions == [(place, sentence)]


def test_after_an_erased_row_only_what_later_rows_told_is_compared(body):
    (created,) = rows(body, explained.PLAN, "created")
    erase(created)
    found = explained.columns(body)
    assert (found.contradictions, found.compared + found.unknown) == ([], len(COLUMNS))
    assert found.unknown >= 6
    body["change_log"] = []
    assert explained.columns(body).unknown == len(COLUMNS)


def test_a_change_is_told_by_its_row_and_the_last_one_counts(body):
    row = rows(body, explained.PLAN, "created")[0]
    later = row | {"event": "changed", "field": "objective", "to": "Changed", "fields": {}}
    body["change_log"].append(later)
    assert places(explained.columns(body)) == ["objective"]
    assert explained.columns(body | {"objective": "Changed"}).contradictions == []


def test_outputs_are_those_of_the_rows_and_what_no_row_told_is_empty_or_unknown(body):
    tasks = [task for stage in body["stages"] for task in stage["tasks"]]
    found = explained.outputs(body)
    assert (found.contradictions, found.compared, found.unknown) == ([], len(tasks), 0)
    tasks[0]["output"] = {"other": 1}
    assert places(explained.outputs(body)) == [f"stages/task {tasks[0]['task_id']} {tasks[0]['name']}"]
    body["change_log"] = []
    assert explained.outputs(body).unknown == sum(task["output"] is not None for task in tasks)


def test_votes_are_compared_with_their_rows_both_ways(body):
    cast = [vote for approval in body["approvals"] for vote in approval["decisions"]]
    found = explained.votes(body, names_are_sealed=True)
    assert (found.contradictions, found.compared, found.unknown) == ([], len(cast), 0) and len(cast) >= 2
    first = body["approvals"][0]
    vote = first["decisions"].pop()
    ((place, sentence),) = explained.votes(body, names_are_sealed=True).contradictions
    assert (place, "is not there" in sentence) == ("approvals", True)
    first["decisions"] += [vote, vote | {"at": NEVER}]
    ((place, sentence),) = explained.votes(body, names_are_sealed=True).contradictions
    assert sentence == (
        f"the change log has no vote “{vote['decision']}” at {first['gate']}, round 1, {NEVER}"
    )


@pytest.mark.parametrize("part", ["decision", "scope_sha256"])
def test_a_vote_of_another_kind_or_about_something_else_is_none_of_the_log(body, part):
    body["approvals"][0]["decisions"][0][part] = "x"
    assert places(explained.votes(body, names_are_sealed=True)) == ["approvals", "approvals"]


@pytest.mark.parametrize("of_before", [False, True])
def test_a_name_is_compared_where_no_seal_covers_it(body, of_before):
    for row in rows(body, explained.DECISION, "created"):
        row["to"] = None if of_before else row["to"]
    body["approvals"][0]["decisions"][0]["person"] = "Somebody Else"
    assert explained.votes(body, names_are_sealed=True).contradictions == []
    ((_, sentence),) = explained.votes(body, names_are_sealed=False).contradictions
    assert sentence.endswith(", not of Somebody Else")


def test_a_vote_whose_row_is_erased_is_not_compared_and_no_more_than_that(body):
    erase(rows(body, explained.DECISION, "created")[0])
    found = explained.votes(body, names_are_sealed=True)
    assert (found.contradictions, found.unknown) == ([], 1)
    body["approvals"][0]["decisions"].append(body["approvals"][0]["decisions"][0] | {"at": NEVER})
    assert len(explained.votes(body, names_are_sealed=True).contradictions) == 1
