"""What a reader is told about an altered plan JSON: every finding, in words, and where."""

import json

import pytest
from django.db import transaction
from django.test import override_settings

from gtm.core import canonical, clock
from gtm.core.actors import Actor, acting_as
from gtm.core.evidence import anchors, changelog
from plans.export import document, sealing
from plans.export.verify import Discrepancy, verify_bytes, verify_document
from tests.factories import START, gate, make_run
from tests.plans.export.forging import rewritten

pytestmark = pytest.mark.django_db  # where the plan is made; what is read is bytes


@pytest.fixture(scope="module")
def written(django_db_setup, django_db_blocker, tmp_path_factory):
    """The plan JSON of a small plan under way, anchored once. Its rows are gone: there is the file alone."""
    with (
        django_db_blocker.unblock(),
        override_settings(GTM_ANCHORS_DIR=tmp_path_factory.mktemp("anchors")),
        transaction.atomic(),
        clock.standing_at(START),
        acting_as(Actor.system("Test")),
    ):
        plan = make_run(gate()).plan
        plan.objective = "What was really meant"
        plan.save()
        sealing.sealed(plan)
        anchors.anchor()
        raw = document.to_bytes(document.build(plan))
        transaction.set_rollback(True)
    return raw


@pytest.fixture
def body(written):
    return json.loads(written)


def sealed(body):
    """What who has the code can do: sections and seal fit again."""
    body["integrity"]["sections"] = document.section_digests(body)
    body["integrity"]["seal"] = document.seal(body["integrity"])
    return body


def told(body):
    return [str(finding) for finding in verify_document(body)]


def test_a_document_that_nobody_touched_has_no_findings(written, body):
    assert (verify_bytes(written), verify_document(body)) == ([], [])
    assert told(body | {"import_record": {"sha256": canonical.digest(body)}}) == []


@pytest.mark.parametrize(
    ("raw", "where", "message"),
    [
        (b"{\n\n]", "line 3", "the file is not JSON any more"),
        (b"\n\xff", "line 2", "the file is not JSON any more"),
        (b"\n" + b"[" * 100_000, "line 1", "the file is not JSON any more"),
        (b"[]", "integrity", "the file is not a plan JSON: it has no integrity section"),
        (b"{}", "integrity", "the file is not a plan JSON: it has no integrity section"),
        (b'{"integrity": 1}', "integrity", "the file is not a plan JSON: it has no integrity section"),
        (b'{"integrity": {}}', "integrity", "the document cannot be read as a plan (KeyError('change_log'))"),
    ],
)
def test_what_is_no_plan_is_told_as_such(raw, where, message):
    found = verify_bytes(raw)
    assert (found[0 if where != "integrity" else -1].where, len(found) <= 2) == (where, True)
    assert found[-1].message.startswith(message)


def test_text_in_another_form_is_told_with_its_first_line_that_differs(written):
    form = "the text differs from the form in which the plan was written"
    assert verify_bytes(written + b"\n") == [Discrepancy(f"line {written.count(10) + 1}", form)]
    assert verify_bytes(written[:-1]) == [Discrepancy(f"line {written.count(10)}", form)]
    assert verify_bytes(written.replace(b"{\n", b"{ \n", 1)) == [Discrepancy("line 1", form)]


def test_a_section_that_was_changed_added_or_left_out_is_named(body):
    body |= {"status": "draft", "objective": "Another.", "remark": "well done"}
    del body["escalations"], body["datasets"]
    assert told(body)[:5] == [
        "datasets: the section is missing",
        "escalations: the section is missing",
        "remark: the section was added",
        "objective: its content differs from what was recorded",
        "status: its content differs from what was recorded",
    ]


def test_an_integrity_section_that_was_changed_is_told(body):
    body["integrity"]["remark"] = "well done"
    assert told(body) == ["integrity: the integrity section itself was changed"]
    del body["integrity"]["seal"]
    assert told(body) == ["integrity: the integrity section itself was changed"]


def test_an_import_record_of_another_document_is_told(body):
    body["import_record"] = {"sha256": "0" * 64}
    assert told(body) == ["import_record: it was written for another document"]
    assert told(body | {"import_record": {"sha256": "0" * 64, "by": "us"}}) == [
        "import_record: it was written for another document",
        "import_record: 'by' is no part of an import record",
    ]
    assert told(body | {"import_record": {}}) == [
        "integrity: the document cannot be read as a plan (KeyError('sha256'))"
    ]


def test_a_row_that_was_rewritten_is_told_by_its_number(body):
    body["change_log"][3]["reason"] = "Another."
    assert told(sealed(body)) == ["change_log row 4: its content differs from what was hashed"]


def test_a_log_that_was_cut_is_told_with_both_lengths_and_by_its_anchor(body):
    rows = len(body["change_log"])
    body["change_log"].pop()
    assert told(sealed(body)) == [
        f"change_log: it has {rows - 1} rows, but {rows} were recorded: the tail was cut",
        "change_log: no row seals this document, though its log is of a version that seals every one",
        "anchor 1: it covers another row of the change log than the one here",
    ]


def test_a_head_that_is_not_the_last_row_is_told(body):
    body["integrity"]["head"] = "0" * 64
    assert told(sealed(body)) == [
        f"change_log row {len(body['change_log'])}: it is not the head that was recorded"
    ]


def test_an_anchor_that_does_not_stand_for_its_root_is_told_and_one_that_saw_other_chains(body):
    made = body["integrity"]["anchors"][0]
    others = {"number": 2, "at": made["at"], "previous": made["root"], "heads": {}}
    body["integrity"]["anchors"] += [
        others | {"root": anchors.root_of(others)},
        others | {"number": 3, "root": "0"},
    ]
    assert told(sealed(body)) == [
        f"anchor 2: it saw no row of {body['integrity']['chain']}",
        "anchor 3: its content differs from its root",
    ]


@pytest.mark.parametrize("moved", [{"sequence": 1}, {"hash": "0" * 64}, {"sequence": 99}])
def test_an_anchor_that_saw_another_row_is_told(body, moved):
    made = body["integrity"]["anchors"][0]
    made["heads"][body["integrity"]["chain"]] |= moved
    made["root"] = anchors.root_of(made)
    assert told(sealed(body)) == ["anchor 1: it covers another row of the change log than the one here"]


def test_a_status_the_log_does_not_lead_to_is_told(body):
    assert told(sealed(body | {"status": "succeeded"})) == [
        f"status: it is not what row {len(body['change_log'])} of the change log sealed",
        "status: the change log leads to “running”, but the document says “succeeded”",
    ]


def erase(body, *numbers):
    for row in body["change_log"]:
        if row["sequence"] in numbers:
            row |= dict.fromkeys(changelog.PAYLOAD) | {"erased": True, "salt": None}
            row.pop(changelog.FIELDS, None)


def test_a_log_whose_rows_are_all_blank_leads_to_no_state_and_no_row_says_who_erased_them(body):
    numbers = [row["sequence"] for row in body["change_log"]]
    erase(body, *numbers)
    reason = "it is erased, but no row records its erasure"
    (seal,) = (row["sequence"] for row in body["change_log"] if row["event"] == "sealed")
    assert told(sealed(body)) == [
        *(f"change_log row {number}: {reason}" for number in numbers),
        f"change_log row {seal}: it is a seal or an erasure, which nobody may erase",
    ]


def test_a_document_that_holds_together_is_held_against_the_rules_of_plans(body):
    body["success_criteria"] = ""
    rewritten(body)
    assert [finding.where for finding in verify_document(body)] == ["success_criteria"]
    body["status"] = "draft"
    rewritten(body)
    assert [finding.where for finding in verify_document(body)] == ["status"]
