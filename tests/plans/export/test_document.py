"""The plan JSON: valid by its own schema and by the plan itself, the same rows the same bytes."""

import json
from datetime import timedelta

import pytest

from gtm.core import canonical
from gtm.core.evidence import anchors
from gtm.core.fsm import perform
from plans.engine.stopping import ripcord
from plans.export import document, files, rules
from plans.models import RipcordPull
from tests.factories import START, ProgramFactory, make_run
from tests.plans.conftest import BLUEPRINT, decide, start, work_off

GROUPS = ("parallelization", "parallel_groups")


def body_of(raw):
    return json.loads(raw)


def test_the_schema_uses_no_word_that_the_compiled_validator_does_not_know():
    """It knows draft 7 and passes over other words in silence."""
    known = {
        "type",
        "items",
        "additionalProperties",
        "required",
        "properties",
        "format",
        "pattern",
        "minimum",
    }
    known |= {"maximum", "enum", "const", "minItems", "maxItems", "uniqueItems", "minLength", "maxLength"}
    known |= {"anyOf", "allOf", "oneOf", "not", "if", "then", "else", "minProperties", "propertyNames"}
    told = {"$schema", "$id", "title", "description"}

    def words(part, are_names=False):
        if isinstance(part, list):
            return set().union(*map(words, part))
        if not isinstance(part, dict):
            return set()
        below = (words(value, not are_names and key == "properties") for key, value in part.items())
        return set().union(*below) | (set() if are_names else set(part))

    assert words(rules.schema()) <= known | told


def test_a_finished_plan_is_valid_by_the_shipped_schema(exported):
    assert rules.problems(body_of(exported)) == []


def test_every_state_on_the_way_is_valid_too(organisation):
    plan = start(BLUEPRINT)
    seen = [rules.problems(canonical.plain(document.build(plan)))]
    work_off(plan)
    seen.append(rules.problems(document.build(plan)))
    decide(plan, "finance-approval", "finance")
    decide(plan, "legal-approval", "legal", "request_changes")
    plan.refresh_from_db()
    seen.append(rules.problems(document.build(plan)))
    assert (seen, plan.state) == ([[], [], []], "changes_requested")


def test_the_same_rows_give_the_same_bytes(finished):
    assert document.to_bytes(document.build(finished)) == document.to_bytes(document.build(finished))


def test_the_file_is_what_is_served_and_grows_with_the_plan(finished):
    raw = files.write(finished)
    assert files.path_of(finished).read_bytes() == files.read(finished) == raw
    finished.objective = "Another objective"
    finished.save()
    assert body_of(files.read(finished))["objective"] == "Another objective"


def test_an_anchor_stands_in_the_documents_of_the_plans_it_holds_and_in_their_files(finished):
    before = files.write(finished)
    made = anchors.anchor()
    raw = files.read(finished)
    assert body_of(before)["integrity"]["anchors"] == []
    assert body_of(raw)["integrity"]["anchors"] == [anchors.record_of(made)]
    anchors.anchor()  # nothing grew, so it holds nothing of the plan
    assert files.read(finished) == raw == document.to_bytes(document.build(finished))


def test_stops_of_the_program_and_of_everything_stand_in_the_document_those_of_others_do_not(acting):
    earlier = RipcordPull(scope="installation", reason="Before it.")
    earlier.save()
    perform(earlier, "abort_with_scope", comment="Over.", set_fields={"closed_at": START - timedelta(days=1)})
    plan, other = make_run().plan, ProgramFactory()
    ripcord.pull("program", program=other, reason="Theirs.")
    ripcord.pull("program", program=plan.program, reason="Ours.")
    ripcord.pull("installation", reason="All.")
    body = document.build(plan)
    assert [(pull["scope"], pull["reason"]) for pull in body["ripcord"]] == [
        ("program", "Ours."),
        ("installation", "All."),
    ]
    assert [row["reason"] for row in body["change_log"] if row["event"] == "stopped with its scope"] == [
        "Ours.",
        "All.",
    ]
    assert rules.problems(body) == []


def tamper(body, path, value):
    *parents, last = path
    for part in parents:
        body = body[part]
    body[last] = value


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        (("complexity",), "fiendish", "complexity"),
        (("stages", 1, "tasks", 0, "dependencies"), ["9.9"], "stages/1/tasks/0/dependencies"),
        (("stages", 0, "tasks", 0, "dependencies"), ["5.1"], "stages/0/tasks/0/dependencies"),
        (("stages", 0, "tasks", 0, "task_id"), "1.2", "stages/0/tasks/1/task_id"),
        (("stages", 0, "tasks", 1, "dependencies"), ["1.2"], "stages"),
        (
            ("parallelization", "parallel_groups", 0, "tasks"),
            ["1.1", "2.1"],
            "parallelization/parallel_groups/0/tasks",
        ),
        (("escalation_ladder",), [], "escalation_ladder"),
        (("error_handling", "max_retries"), -1, "error_handling/max_retries"),
        (("created_at",), "yesterday", "created_at"),
        (("change_log", 0, "hash"), "short", "change_log/0/hash"),
    ],
    ids=lambda value: "/".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_what_breaks_a_rule_is_named_with_its_path(exported, path, value, where):
    body = body_of(exported)
    tamper(body, path, value)
    assert where in {problem.field for problem in rules.problems(body)}


def test_one_plan_that_cannot_be_written_does_not_hold_up_the_others(organisation):
    bad, good = make_run().plan, make_run().plan
    bad.strategy = "zigzag"
    bad.save()
    files.write_behind()
    assert (files.path_of(bad).exists(), files.path_of(good).exists()) == (False, True)
