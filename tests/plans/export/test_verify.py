"""A plan JSON in somebody else's hands: any change shows, and where; no database is needed."""

import json
import os
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtm.core import canonical
from plans.export import document
from plans.export.verify import verify_bytes
from tests.conftest import ROOT

OF_TEXT = "the text differs from the form in which the plan was written"


def section_at(raw, position):
    """The top-level key whose lines hold the position, and the number of its line."""
    line_end = raw.find(b"\n", position) % len(raw)
    keys = re.findall(rb'^  "([^"]+)":', raw[: line_end + 1], re.MULTILINE)
    return (keys or [b"document"])[-1].decode(), raw[:position].count(b"\n") + 1


def is_told(finding, section, line):
    """Whether a finding leads a reader to the place: its section, or its line (a newline ends two)."""
    if finding.where.startswith("line "):
        return finding.message != OF_TEXT or abs(int(finding.where[5:]) - line) <= 1
    return finding.where.split()[0].split("/")[0] == section


@settings(max_examples=int(os.environ.get("GTM_FORGERIES", "150")))
@given(st.data())
def test_any_single_byte_changed_is_found_and_its_place_is_told(exported, data):
    position = data.draw(st.integers(0, len(exported) - 1), "position")
    value = data.draw(st.integers(0, 255).filter(lambda byte: byte != exported[position]), "byte")
    altered = exported[:position] + bytes([value]) + exported[position + 1 :]
    findings = verify_bytes(altered)
    section, line = section_at(exported, position)
    assert any(is_told(finding, section, line) for finding in findings), findings


@settings(max_examples=50)
@given(st.data())
def test_any_cut_or_addition_is_found(exported, data):
    position = data.draw(st.integers(0, len(exported) - 1))
    count = data.draw(st.integers(1, 50))
    more = data.draw(st.binary(min_size=1, max_size=5))
    assert verify_bytes(exported[:position] + exported[position + count :])
    assert verify_bytes(exported[:position] + more + exported[position:])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"revision": 1', b'"revision": 1e999'),
        (b'"revision": 1', b'"revision": NaN'),
        (b'"revision": 1', b'"revision": 12345678901234567890'),
        (b'"revision": 1', b'"revision": 1.0'),
        (b'"revision": 1', b'"revision": "\\ud800"'),
        (b'"revision": 1', b'"revision": 1, "revision": 1'),
        (b'"revision": 1', b'"revision": ' + b"[" * 100_000),
        (b'"revision": 1', b'"revision": \xed\xa0\x80'),
        (b'"change_log": [', b'"change_log": [null, '),
    ],
    ids=lambda value: value[:24].decode("utf-8", "backslashreplace"),
)
def test_what_no_plan_holds_is_a_finding_and_no_crash(exported, old, new):
    assert old in exported
    assert verify_bytes(exported.replace(old, new))


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"null", b"{}", b'{"integrity": 1}', b'{"integrity": {}}', b"\xff\xfe", b"\x00"]
)
def test_what_is_no_plan_is_said_to_be_none(raw):
    assert verify_bytes(raw)


def rewritten(exported, act):
    body = json.loads(exported)
    act(body)
    return json.dumps(body, sort_keys=True, indent=2, ensure_ascii=False).encode() + b"\n"


@pytest.mark.parametrize(
    ("act", "where"),
    [
        (lambda body: body.update(status="approved"), "status"),
        (lambda body: body["approvals"].clear(), "approvals"),
        (lambda body: body.update(remark="well done"), "remark"),
        (lambda body: body.pop("escalations"), "escalations"),
        (lambda body: body["change_log"].pop(), "change_log"),
        (lambda body: body["change_log"].pop(7), "change_log row 9"),
        (lambda body: body["change_log"][7].update(actor="Nobody"), "change_log row 8"),
        (lambda body: body["change_log"][7].update(erased=True), "change_log row 8"),
        (lambda body: body["integrity"].update(seed=1), "integrity"),
        (lambda body: body["integrity"]["anchors"][0].update(number=2), "anchor 2"),
        (lambda body: body["integrity"]["anchors"][0]["heads"].clear(), "anchor 1"),
        (lambda body: body.update(import_record={"sha256": "0" * 64}), "import_record"),
    ],
)
def test_a_changed_document_says_where(exported, act, where):
    assert where in {finding.where for finding in verify_bytes(rewritten(exported, act))}


def written_anew(body):
    """A forger with the code cuts the last row, then makes status, head, sections and seal fit."""
    del body["change_log"][-1]  # its seal
    body["status"] = body["change_log"].pop()["from"]
    integrity = body["integrity"]
    integrity.update(head=body["change_log"][-1]["hash"], length=len(body["change_log"]))
    integrity["sections"] = document.section_digests(body)
    integrity["seal"] = document.seal(integrity)


def test_a_log_that_was_cut_and_sealed_anew_is_found_by_its_missing_seal_and_its_anchor(exported):
    found = [str(finding) for finding in verify_bytes(rewritten(exported, written_anew))]
    assert found == [
        "change_log: no row seals this document, though its log is of a version that seals every one",
        "anchor 1: it covers another row of the change log than the one here",
    ]


def given_another_output(body):
    """A forger with the code puts another result in its place, with digest, sections and seal."""
    task = body["stages"][0]["tasks"][0]
    task["output"] = {"found": "what was wished for"}
    task["output_sha256"] = canonical.digest(task["output"])
    body["integrity"]["sections"] = document.section_digests(body)
    body["integrity"]["seal"] = document.seal(body["integrity"])


def test_an_output_that_was_exchanged_and_sealed_anew_is_found_by_the_log(exported):
    by_seal, by_row = verify_bytes(rewritten(exported, given_another_output))
    assert (by_seal.where, by_row.where.startswith("stages/task 1.1")) == ("stages", True)
    assert by_row.message == "its output is not the one in the change log"


@pytest.mark.django_db  # where the plan is made; the command reaches no database
def test_the_command_needs_the_file_alone(exported, tmp_path):
    path = tmp_path / "plan.json"
    path.write_bytes(exported)
    environment = os.environ | {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}
    command = [sys.executable, "manage.py", "verify_changelog", str(path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, f"{path}: nothing contradicts it."), (
        done.stderr
    )
