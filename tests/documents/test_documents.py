"""The customer's documents, line by line: what each says is read from plans that were run."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import Any

import pytest
import rfc8785

from plans.export import document, verify, verify_plan
from tests.conftest import ROOT
from tests.documents import table
from tests.documents.lines import Evidence, Line, NotThere, judges

EVERY = [
    pytest.param(line, id=f"{name}: {line.text}") for name, lines in table.DOCUMENTS.items() for line in lines
]
KEPT = [param for param in EVERY if not param.values[0].no]
COUNTS = {
    "plan-loyalty": 45,
    "monitor-loyalty": 35,
    "optimize-referrals": 35,
    "launch-program": 40,
    "track-source": 35,
}
NOTHING: tuple[Any, ...] = (None, "", [], {})


def has_run(line: Line, evidence: Evidence) -> None:
    missing = {place.partition(" ")[0] for place in line.places} & table.OPTIONAL.keys() - evidence.keys()
    for record in missing:
        pytest.skip(table.OPTIONAL[record])


@pytest.mark.parametrize("line", EVERY)
def test_a_line_is_kept_or_says_why_not(line: Line, evidence: Evidence):
    has_run(line, evidence)
    try:
        found = line.values(evidence)
    except NotThere as nothing:
        found = [f"nothing at {nothing}"]
    assert line.is_kept(evidence) is not bool(line.no), found


@pytest.mark.parametrize("line", KEPT)
def test_a_check_fails_where_a_place_holds_nothing(line: Line, evidence: Evidence):
    has_run(line, evidence)
    found = line.values(evidence)
    for place, value in enumerate(found):
        for nothing in NOTHING:
            if value != nothing:
                assert not judges(line.keeps, [*found[:place], nothing, *found[place + 1 :]]), (
                    line.places[place],
                    nothing,
                )


def test_every_line_is_there_once():
    assert {name: len(lines) for name, lines in table.DOCUMENTS.items()} == COUNTS
    assert sum(COUNTS.values()) == 190
    for lines in table.DOCUMENTS.values():
        assert [text for text, count in Counter(line.text for line in lines).items() if count > 1] == []


@pytest.mark.parametrize("name", COUNTS)
def test_lines_say_what_the_document_says_and_leave_none_of_it_out(name: str):
    document = table.plain((ROOT / f"tests/data/documents/{name}.md").read_text(encoding="utf-8"))
    said = [table.plain(line.says) for line in table.DOCUMENTS[name]]
    assert [words for words in said if words not in document] == []
    sentences = [one for one in document.splitlines() if re.match(r"(-|\d\.) ", one)]
    assert [one for one in sentences if not any(words in one for words in said)] == []
    assert len(sentences) > 20


def test_every_run_is_described():
    records = {place.partition(" ")[0] for param in EVERY for place in param.values[0].places}
    assert records == table.RUNS.keys()


def test_the_committed_table_is_current():
    committed = (ROOT / "docs/documents.md").read_text(encoding="utf-8")
    assert committed == table.write(), "python -m tests.documents.table writes it"


def test_in_every_command_outputs_data_sets_votes_and_calls_of_tools_were_there_to_be_traced(
    evidence: Evidence,
):
    """What is traced is not nothing."""
    there: dict[str, set[str]] = {name: set() for name in COUNTS}
    for record in evidence.values():
        if "json" in record:
            body = record["json"]
            found = there[body["command"]["name"]]
            parts = {
                "inputs": body["command"]["inputs"],
                "outputs": body["outputs"],
                "data sets": body["datasets"],
                "votes": [vote for each in body["approvals"] for vote in each["decisions"]],
                "calls": [call for hook in body["tool_hooks"] for call in hook["calls"]],
            }
            found |= {name for name, part in parts.items() if part}
    everything = {"inputs", "outputs", "data sets", "votes", "calls"}
    assert {name: everything - found for name, found in there.items()} == {
        name: {"data sets"} if name == "launch-program" else set() for name in COUNTS
    }, "a launch reads no data set"


def told_by_rows(body: dict[str, Any], columns: dict[str, Any]) -> set[str]:
    """Columns of the plan whose last row has the value itself, or its digest: without either verifier."""
    last: dict[str, Any] = {}
    for row in body["change_log"]:
        if row["entity"] == "plans.plan" and row.get("fields"):
            last |= {name: sides["to"] for name, sides in row["fields"].items()}
    return {
        name
        for name, value in columns.items()
        if last.get(name) in (value, "sha256:" + hashlib.sha256(rfc8785.dumps(value)).hexdigest())
    }


def test_every_vote_input_output_data_set_and_call_of_a_run_is_traced_to_rows_of_its_log(evidence: Evidence):
    """By a seal over every section, and by the rows themselves, of which none is left out; both verifiers."""
    bodies = [record["json"] for record in evidence.values() if "json" in record]
    assert {body["command"]["name"] for body in bodies} == COUNTS.keys()
    for body in bodies:
        made = verify.prove_document(body)
        proved = {claim.what: claim.ground for claim in made.proof.proved}
        theirs = verify_plan.prove(document.to_bytes(body))
        left = [claim.what for claim in made.proof.not_proved if "not compared" in claim.what]
        left += [what for what, *_ in theirs.not_proved if "not compared" in what]
        assert (made.findings, theirs.findings, left) == ([], [], []), body["plan_id"]
        assert "every section says what it said when it was sealed" in proved
        votes = sum(len(approval["decisions"]) for approval in body["approvals"])
        outputs = sum(len(stage["tasks"]) for stage in body["stages"])
        listed = len(body["outputs"])
        calls = sum(len(hook["calls"]) for hook in body["tool_hooks"])
        wanted = {
            "votes": votes,
            "outputs of tasks": outputs,
            "list of outputs": listed,
            "calls of tools": calls,
        }
        for name, count in wanted.items():
            what, by = f"{name} as in the change log", f"its rows, {count} compared" if count else None
            assert proved.get(what) == dict(theirs.proved).get(what) == by, (body["plan_id"], name)
        last = [row for row in body["change_log"] if row["event"] == "sealed"][-1]
        assert {*body} - {"change_log", "integrity"} <= last["to"].keys()
        columns = "command, inputs, data sets and checklist as in the change log"
        assert proved[columns] == dict(theirs.proved)[columns] == "its rows, 10 compared"
        told = {"inputs": body["command"]["inputs"], "datasets": body["datasets"]}
        assert {name for name, value in told.items() if value} <= told_by_rows(body, told), body["plan_id"]
