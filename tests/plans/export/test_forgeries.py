"""A forger with the file and the code: whatever is altered and made to fit again is found, and by what."""

import json
import os
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtm.core.evidence import anchors, changelog
from plans.export import document
from plans.export.verify import Kept, prove_bytes, verify_bytes, verify_document
from tests.plans.export.forging import as_before_seals, chained_anew, sealed_anew

NOT_KEPT = [
    "nobody has written the change log anew",
    "the installation signed this change log",
    "a witness saw the log grow to this checkpoint",
    "this is the newest version of the plan",
]
EXAMPLES = int(os.environ.get("GTM_FORGERIES", "100"))


def rename_the_approver(body):
    body["approvals"][0]["decisions"][0]["person"] = "Somebody Else"


def multiply_the_budget(body):
    body["command"]["inputs"]["budget"] = "5000000.00"


def change_a_figure(body):
    output = next(t["output"] for s in body["stages"] for t in s["tasks"] if t["output"])
    output["members"] = 12345678


def zero_the_fingerprints(body):
    for told in body["datasets"]:
        told["sha256"] = "0" * 64


def empty_the_approvals(body):
    body["approvals"] = []


def another_digest_of_an_output(body):
    body["outputs"][0]["sha256"] = "0" * 64


def an_output_more(body):
    body["outputs"].append(body["outputs"][0] | {"id": 999_999})


def a_call_that_never_was(body):
    """Of a tool whose plan recorded a call, or none."""
    made = {
        "task_id": "1.1", "work": "definition-diff", "performed_by": "mcp:serena 1.0", "arguments": {},
        "arguments_sha256": "0" * 64, "outcome": "answered", "said": "All is well.", "result_sha256": None,
        "output": None, "started_at": "2026-03-02T10:00:00.000000Z", "duration_ms": 5,
    }  # fmt: skip
    hook = body["tool_hooks"][0] if body["tool_hooks"] else {"tool": "Serena", "calls": []}
    body["tool_hooks"] = [{**hook, "calls": [*hook["calls"], made]}, *body["tool_hooks"][1:]]


def empty_stops_and_pass_all_checks(body):
    body["ripcord"], body["escalations"], body["fallbacks"] = [], [], []
    for check in body["review_checklist"]:
        check["result"] = "passed"
    body["review_checklist"][0]["evidence"] = "All was well."


def blank_rows(body):
    for row in body["change_log"][2:6]:
        row |= dict.fromkeys(changelog.PAYLOAD) | {"erased": True, "salt": None}
        row.pop(changelog.FIELDS, None)


def move_the_seed(body):
    body["integrity"]["seed"] += 1


def name_another_version(body):
    body["integrity"]["versions"]["numpy"] = "0"


CASES = {
    rename_the_approver: {"approvals"},
    multiply_the_budget: {"command"},
    change_a_figure: {"stages"},
    zero_the_fingerprints: {"datasets"},
    empty_the_approvals: {"approvals"},
    another_digest_of_an_output: {"outputs"},
    an_output_more: {"outputs"},
    a_call_that_never_was: {"tool_hooks"},
    empty_stops_and_pass_all_checks: {"review_checklist"},
    blank_rows: {"change_log row 3"},
    move_the_seed: {"integrity/seed"},
    name_another_version: {"integrity/versions"},
}


@pytest.mark.parametrize(("forge", "places"), CASES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_forgery_whose_digests_fit_again_is_found_and_its_place_is_told(exported, forge, places):
    body = json.loads(exported)
    forge(body)
    found = verify_bytes(sealed_anew(body))
    assert places <= {finding.where for finding in found}, found


@pytest.mark.parametrize(
    "forge",
    [
        rename_the_approver,
        multiply_the_budget,
        zero_the_fingerprints,
        another_digest_of_an_output,
        an_output_more,
        a_call_that_never_was,
    ],
)
def test_without_its_seal_the_rows_of_votes_inputs_and_data_still_find_it(exported, forge):
    """Documents of before: the rows alone bind the text."""
    body = json.loads(exported)
    unaltered = as_before_seals(body)
    assert verify_bytes(unaltered) == []
    assert "every section says what it said when it was sealed" in left(prove_bytes(unaltered))
    forge(body)
    assert verify_bytes(sealed_anew(body))


def test_a_seal_that_was_cut_off_is_missed(exported):
    body = json.loads(exported)
    rows = [row for row in body["change_log"] if row["event"] != "sealed"]
    body |= {"change_log": rows, "objective": "Another one."}
    body["integrity"].update(length=len(rows), head=rows[-1]["hash"], anchors=[])
    sealed_anew(body)
    assert "change_log: no row seals this document, though its log is of a version that seals every one" in [
        str(finding) for finding in verify_document(body)
    ]


def left(made):
    return [claim.what for claim in made.proof.not_proved]


def test_a_file_nobody_touched_proves_all_but_what_needs_something_kept(exported):
    made = prove_bytes(exported)
    assert (made.findings, made.proof.holds) == ([], True)
    assert left(made) == NOT_KEPT
    proved = {claim.what for claim in made.proof.proved}
    assert {"every section says what it said when it was sealed", "votes as in the change log"} <= proved


def rewritten_throughout(exported):
    """Another approver in text and log, the chain hashed anew, its seal too, and no anchor."""
    body = json.loads(exported)
    rename_the_approver(body)
    for row in body["change_log"]:
        if row["event"] == "sealed":
            row["to"] |= {"approvals": document.section_digests(body)["approvals"]}
        if row["entity"] == "plans.decision" and row["to"]:
            row["to"]["person"] = "Somebody Else"
    body["integrity"]["anchors"] = []
    return chained_anew(body)


def kept_of(exported):
    return json.loads(exported)["integrity"]["anchors"]


def test_a_chain_hashed_anew_is_found_by_kept_anchors_and_else_it_says_what_was_missing(exported):
    forged = rewritten_throughout(exported)
    assert left(prove_bytes(forged)) == NOT_KEPT
    found = prove_bytes(forged, Kept(kept_of(exported)))
    assert [str(f) for f in found.findings] == [
        "kept anchor 1: it covers another row of the change log than the one here"
    ]
    assert not found.proof.holds


def test_kept_anchors_prove_the_rows_that_they_saw_and_say_so(exported):
    made = prove_bytes(exported, Kept(kept_of(exported)))
    rows = len(json.loads(exported)["change_log"])
    assert f"nobody has written the change log anew up to row {rows}" in {c.what for c in made.proof.proved}
    assert made.proof.holds
    others = [record | {"heads": {}} for record in kept_of(exported)]
    others = [record | {"root": anchors.root_of(record)} for record in others]
    of_others = prove_bytes(exported, Kept(others))
    assert (of_others.findings, of_others.proof.holds) == ([], False)


def leaves(value, path=()):
    """Every place in a JSON value: containers, too."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from leaves(item, (*path, key))


def another(value, draw):
    """A value of the same kind that differs, so that it is read without complaint."""
    if isinstance(value, bool) or value is None:
        return value is None or not value
    if isinstance(value, int | float):
        return value + draw(st.integers(1, 10**6))
    if isinstance(value, str):
        return value + draw(st.text(st.characters(codec="utf-8"), min_size=1, max_size=5))
    if isinstance(value, list):
        return value[:-1] if value else ["more"]
    return dict(list(value.items())[:-1]) if value else {"more": 1}


@pytest.fixture(scope="module")
def places(exported):
    body = json.loads(exported)
    sections = {key: value for key, value in body.items() if key not in ("change_log", "integrity")}
    sections["integrity"] = {key: body["integrity"][key] for key in ("seed", "versions")}
    return [path for path in leaves(sections) if len(path) > (path[:1] == ("integrity",))]


@settings(max_examples=EXAMPLES, deadline=timedelta(seconds=20))
@given(st.data())
def test_any_forgery_in_any_section_is_found_with_all_digests_of_the_file_made_to_fit(exported, places, data):
    body = json.loads(exported)
    path = places[data.draw(st.integers(0, len(places) - 1), "place")]
    holder = body
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = another(holder[path[-1]], data.draw)
    sealed_anew(body)
    assert verify_document(body), path


@settings(max_examples=EXAMPLES, deadline=timedelta(seconds=20))
@given(st.data())
def test_any_forgery_of_a_row_is_found_though_its_own_hashes_fit(exported, data):
    body = json.loads(exported)
    log = body["change_log"]
    row = log[data.draw(st.integers(0, len(log) - 1), "row")]
    key = data.draw(st.sampled_from([*changelog.PAYLOAD, "via", "entity_id", "at", "event"]), "part")
    row[key] = another(row[key], data.draw)
    row["payload_hash"] = changelog.payload_hash(row["salt"], row)
    row["hash"] = changelog.entry_hash(row["previous_hash"], row, row["payload_hash"])
    sealed_anew(body)
    assert verify_document(body)
