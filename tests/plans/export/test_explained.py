"""What the rows of a log say of the text, value by value."""

import json

import pytest

from gtm.core import canonical
from gtm.core.evidence import changelog, told
from plans.export import explained, verify_plan

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
    assert explained.is_told(value, last) is verify_plan.same(value, last) is expected


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
    said = {"event": "changed", "field": "objective", "to": body["objective"], "fields": {}}
    body["change_log"].append(created | said | {"sequence": 900})
    erase(created)
    found = explained.columns(body)
    assert (found.contradictions, found.compared + found.unknown) == ([], len(COLUMNS))
    assert found.unknown >= 6 and found.compared
    lists = verify_plan.Lists()
    verify_plan.check_text(body, True, lists)
    what = "command, inputs, data sets and checklist"
    assert dict(lists.proved)[f"{what} as in the change log"] == f"its rows, {found.compared} compared"
    left = f"{what}: {found.unknown} not compared with the change log"
    assert left in [what for what, *_ in lists.not_proved]
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


# ------------------------------------------------------------------ by both verifiers


def both(ours, theirs, body):
    """What both say of one part: places, how many were compared, how many not."""
    found, lists = ours(body), verify_plan.Lists()
    theirs(body, lists)
    assert len(lists.findings) == len(found.contradictions)
    said = " ".join(f"{what} {by}" for what, by in lists.proved)
    assert not found.compared or found.contradictions or f"{found.compared} compared" in said
    left = " ".join(what for what, *_ in lists.not_proved)
    assert (f": {found.unknown} not compared" in left) == bool(found.unknown)
    return places(found), found.compared, found.unknown


def told_row(entity, pk, event="created", /, to=None, **columns):
    fields = {name: {"from": None, "to": value} for name, value in columns.items()}
    row = dict.fromkeys(changelog.PAYLOAD) | {"entity": entity, "entity_id": str(pk), "event": event}
    return row | {"sequence": 900 + int(pk), "erased": False, "to": to, "object": "x", "fields": fields}


OUTPUT = {"id": 1, "key": "tiers", "title": "Tiers", "kind": "table", "sha256": "a" * 64}


def with_outputs(*listed, log):
    return {"outputs": listed, "change_log": log}


def of_outputs(body):
    return both(explained.listed_outputs, verify_plan.check_listed, body)


@pytest.mark.parametrize("part", ["key", "title", "kind", "sha256"])
def test_each_listed_output_is_the_one_that_a_row_says_was_made(part):
    columns = {key: value for key, value in OUTPUT.items() if key != "id"}
    two = [told_row(explained.ARTIFACT, pk, **columns) for pk in (1, 2)]
    listed = OUTPUT, OUTPUT | {"id": 2}
    assert of_outputs(with_outputs(*listed, log=two)) == ([], 2, 0)
    assert of_outputs(with_outputs(OUTPUT | {part: "x"}, listed[1], log=two)) == (["outputs"], 1, 0)


def test_an_output_that_no_row_made_is_told_and_where_no_row_tells_of_any_it_is_not_compared():
    columns = {key: value for key, value in OUTPUT.items() if key != "id"}
    made = told_row(explained.ARTIFACT, 2, **columns)
    assert of_outputs(with_outputs(OUTPUT, log=[made])) == (["outputs"], 0, 0)
    assert of_outputs(with_outputs(OUTPUT, OUTPUT, log=[])) == ([], 0, 2)
    changed = told_row(explained.ARTIFACT, 1, "changed", **columns)
    assert of_outputs(with_outputs(OUTPUT, OUTPUT, log=[changed | {"field": "key", "to": "tiers"}])) == (
        [], 0, 2,
    )  # fmt: skip
    of_before = made | {"fields": None}
    assert of_outputs(with_outputs(OUTPUT | {"id": 2}, log=[of_before])) == ([], 0, 1)


@pytest.mark.parametrize(("in_full", "expected"), [(True, ([], 1, 0)), (False, ([], 0, 1))])
def test_after_an_erasure_an_object_counts_again_once_all_of_it_was_told_anew(in_full, expected):
    columns = {key: value for key, value in OUTPUT.items() if key != "id"}
    erased = told_row(explained.ARTIFACT, 1, **columns)
    erase(erased)
    anew = told_row(explained.ARTIFACT, 1, "text erased", to={"in_full": in_full}, **columns)
    assert of_outputs(with_outputs(OUTPUT, log=[erased])) == ([], 0, 1)
    assert of_outputs(with_outputs(OUTPUT, log=[erased, anew])) == expected


CALL = {
    "tool": "Playwright", "work": "browser-flow", "performed_by": None, "arguments_sha256": "a" * 64,
    "outcome": "not_run", "said": "No page. " * 20, "result_sha256": None,
    "started_at": "2026-11-30T10:00:00.000000Z",
}  # fmt: skip
OF_ROW = {name: value for name, value in CALL.items() if value} | {
    "said": told.DIGEST + canonical.digest(CALL["said"])
}


def of_calls(calls, log):
    hook = {"tool": CALL["tool"], "calls": [{k: v for k, v in call.items() if k != "tool"} for call in calls]}
    body = {"tool_hooks": [{"tool": "Serena"}, hook], "change_log": log}
    return both(explained.calls, verify_plan.check_calls, body)


@pytest.mark.parametrize("part", [name for name in CALL if name != "tool"])
def test_each_call_of_a_tool_is_one_that_a_row_recorded(part):
    log = [told_row(explained.CALL, pk, **OF_ROW) for pk in (1, 2)]
    assert of_calls([CALL, CALL], log) == ([], 2, 0)
    assert of_calls([CALL, CALL | {part: "x"}], log) == (["tool_hooks"], 1, 0)
    assert of_calls([CALL, CALL, CALL], log) == (["tool_hooks"], 2, 0)


def test_as_many_calls_as_rows_are_erased_are_not_compared_and_no_more():
    erased = told_row(explained.CALL, 1, **OF_ROW)
    erase(erased)
    log = [erased, told_row(explained.CALL, 2, **OF_ROW)]
    assert of_calls([CALL, CALL | {"work": "x"}], log) == ([], 1, 1)
    assert of_calls([CALL, CALL | {"work": "x"}, CALL | {"work": "y"}], log) == (["tool_hooks"], 1, 1)


def test_the_state_of_another_object_is_not_that_of_the_plan(body):
    later = told_row(explained.TASK, 1, "fail", to="failed") | {"field": "state"}
    body["change_log"].append(later)
    assert (explained.state(body).contradictions, explained.state(body).compared) == ([], 1)
    body["change_log"].append(later | {"entity": explained.PLAN})
    assert places(explained.state(body)) == ["status"]


def test_a_refusal_tells_nothing_and_takes_nothing_back(body):
    """It may stand before the row of the creation, and name an object that was undone."""
    refused = told_row(explained.PLAN, 0, "refused", to="submit") | {"fields": None}
    other = told_row(explained.TASK, 77, "refused", to="start") | {"fields": None}
    erase(other)
    before = [explained.columns(body).compared, explained.outputs(body).compared]
    body["change_log"][:0] = [refused, other]
    assert [explained.columns(body).compared, explained.outputs(body).compared] == before
    lists = verify_plan.Lists()
    verify_plan.check_text(body, True, lists)
    assert f"its rows, {len(COLUMNS)} compared" in [by for _, by in lists.proved]


@pytest.mark.parametrize(
    ("output", "tells", "expected"),
    [
        ({"signed": "by the board"}, {"name": "Sign"}, (["stages/task 1.1 Sign"], 0, 0)),
        (None, {"name": "Sign"}, ([], 1, 0)),
        ({"a": 1}, {"output": {"a": 1}}, ([], 1, 0)),
        ({"a": 1}, None, ([], 0, 1)),
        (None, None, ([], 0, 0)),
    ],
)
def test_an_output_of_a_task_is_what_its_rows_told_and_none_where_they_told_none(output, tells, expected):
    task = {"task_id": "1.1", "name": "Sign", "output": output}
    row = told_row(explained.TASK, 1, **(tells or {})) | {"object": "task 1.1 Sign"}
    body = {"stages": [{"tasks": [task]}], "change_log": [row] if tells else []}
    assert both(explained.outputs, verify_plan.check_outputs, body) == expected


def test_a_vote_whose_row_tells_no_values_is_not_compared(body):
    rows(body, explained.DECISION, "created")[0]["fields"] = None
    assert explained.votes(body, names_are_sealed=True).unknown == 1
    lists = verify_plan.Lists()
    verify_plan.check_votes(body, True, lists)
    assert [what for what, *_ in lists.not_proved] == ["votes: 1 not compared with the change log"]


def test_what_a_row_says_beside_its_columns_is_no_value():
    columns = {key: value for key, value in OUTPUT.items() if key not in ("id", "title")}
    anew = told_row(explained.ARTIFACT, 1, "text erased", to={"in_full": True}, **columns)
    body = with_outputs(OUTPUT | {"title": ""}, log=[anew | {"field": "title"}])
    assert of_outputs(body) == ([], 1, 0)


def test_two_votes_of_the_same_instant_are_told_apart_by_their_people():
    vote = {"decision": "approve", "at": NEVER, "scope_sha256": "a"}
    people = [{**vote, "person": name} for name in ("Ann", "Bea")]
    log = [
        told_row(
            explained.DECISION, number, to={"gate": "g", "round": 1, "person": name},
            kind="approve", decided_at=NEVER, scope_sha256="a",
        )
        for number, name in enumerate(("Bea", "Ann"), start=1)
    ]  # fmt: skip
    body = {"approvals": [{"gate": "g", "round": 1, "decisions": people}], "change_log": log}
    assert both(
        lambda body: explained.votes(body, names_are_sealed=False),
        lambda body, lists: verify_plan.check_votes(body, False, lists),
        body,
    ) == ([], 2, 0)


@pytest.mark.parametrize(("is_sealed", "places"), [(True, []), (False, ["approvals"])])
def test_under_a_seal_a_person_of_today_may_have_another_name_than_in_the_row(is_sealed, places):
    vote = {"decision": "approve", "at": NEVER, "scope_sha256": "a", "person": "Ann Married"}
    log = [
        told_row(
            explained.DECISION, 1, to={"gate": "g", "round": 1, "person": "Ann"},
            kind="approve", decided_at=NEVER, scope_sha256="a",
        )
    ]  # fmt: skip
    body = {"approvals": [{"gate": "g", "round": 1, "decisions": [vote]}], "change_log": log}
    assert both(
        lambda body: explained.votes(body, names_are_sealed=is_sealed),
        lambda body, lists: verify_plan.check_votes(body, is_sealed, lists),
        body,
    ) == (places, 1, 0)


def test_of_an_erased_transition_the_row_of_the_erasure_says_where_it_led(body):
    last = next(row for row in reversed(body["change_log"]) if row["field"] == "state")
    assert (last["entity"], last["to"]) == (explained.PLAN, body["status"])
    erase(last)
    said = {str(last["sequence"]): "failed", "1": {"field": "accounts", "keys": ["5"]}}
    body["change_log"].append(
        told_row(changelog.CHAIN_ENTITY, 1, "erased", to=said) | {"from": [last["sequence"], 1]}
    )
    assert places(explained.state(body)) == ["status"]
    assert explained.state(body | {"status": "failed"}).contradictions == []
    for status, expected in ((body["status"], True), ("failed", False)):
        lists = verify_plan.Lists()
        verify_plan.check_text(body | {"status": status}, True, lists)
        assert any(found.startswith("status: ") for found in lists.findings) is expected
