"""Verify an exported plan with nothing but the file: bytes, sections, change log, graph.

Needs no database and no account. Every finding says where.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gtm.core import canonical
from gtm.core.evidence import anchors, changelog, told
from plans.export import document, rules

IMPORT_RECORD = "import_record"
"""The one section that an installation adds to another's document, outside its seal."""


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One thing that does not hold: the place in the document (JSON pointer like) and a sentence."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


def verify_bytes(raw: bytes) -> list[Discrepancy]:
    """Everything wrong with a file; an empty list says it is intact."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        position = getattr(error, "pos", getattr(error, "start", 0))
        return [Discrepancy(_line(raw, position), f"the file is not JSON any more ({error})")]
    if not isinstance(body, dict) or not isinstance(body.get("integrity"), dict):
        return [Discrepancy("integrity", "the file is not a plan JSON: it has no integrity section")]
    findings = verify_document(body)
    if not findings and (differs := _first_difference(raw, document.to_bytes(body))) is not None:
        findings.append(
            Discrepancy(_line(raw, differs), "the text differs from the form in which the plan was written")
        )
    return findings


def verify_document(body: Mapping[str, Any]) -> list[Discrepancy]:
    """Everything wrong with a document, with or without an import record; it has an integrity section."""
    record = body.get(IMPORT_RECORD)
    body = {key: value for key, value in body.items() if key != IMPORT_RECORD}
    integrity = body["integrity"]
    findings: list[Discrepancy] = []
    try:
        if record is not None and record["sha256"] != canonical.digest(body):
            findings.append(Discrepancy(IMPORT_RECORD, "it was written for another document"))
        if document.seal(integrity) != integrity.get("seal"):
            findings.append(Discrepancy("integrity", "the integrity section itself was changed"))
        findings += _sections(body, integrity)
        findings += _log(body, integrity)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        findings.append(Discrepancy("integrity", f"the document cannot be read as a plan ({error!r})"))
    if not findings:
        findings += [Discrepancy(problem.field, problem.message) for problem in rules.problems(body)]
    return findings


def _sections(body: Mapping[str, Any], integrity: Mapping[str, Any]) -> list[Discrepancy]:
    recorded, actual = integrity["sections"], document.section_digests(body)
    findings = [Discrepancy(key, "the section is missing") for key in sorted(set(recorded) - set(actual))]
    findings += [Discrepancy(key, "the section was added") for key in sorted(set(actual) - set(recorded))]
    changed = [key for key in sorted(set(actual) & set(recorded)) if actual[key] != recorded[key]]
    return findings + [Discrepancy(key, "its content differs from what was recorded") for key in changed]


def _log(body: Mapping[str, Any], integrity: Mapping[str, Any]) -> list[Discrepancy]:
    breaks, head, length = changelog.verify_rows(body["change_log"], integrity["chain"])
    findings = [Discrepancy(f"change_log row {b.sequence}", b.reason) for b in breaks]
    if length != integrity["length"]:
        findings.append(
            Discrepancy(
                "change_log",
                (f"it has {length} rows, but {integrity['length']} were recorded: the tail was cut"),
            )
        )
    elif head != integrity["head"]:
        findings.append(Discrepancy(f"change_log row {length}", "it is not the head that was recorded"))
    return findings + _anchored(body, integrity) + _explains_state(body) + _explains_outputs(body)


def _anchored(body: Mapping[str, Any], integrity: Mapping[str, Any]) -> list[Discrepancy]:
    """Each anchor is whole and saw the very row of the log that is here."""
    rows = {row["sequence"]: row["hash"] for row in body["change_log"]}
    findings = []
    for made in integrity["anchors"]:
        where, seen = f"anchor {made['number']}", made["heads"].get(integrity["chain"], {})
        if anchors.root_of(made) != made["root"]:
            findings.append(Discrepancy(where, "its content differs from its root"))
        elif rows.get(seen.get("sequence")) != seen.get("hash"):
            findings.append(Discrepancy(where, "it covers another row of the change log than the one here"))
    return findings


def _explains_state(body: Mapping[str, Any]) -> list[Discrepancy]:
    """Completeness: the status of the plan is the one its last transition led to."""
    states = [
        row["to"]
        for row in body["change_log"]
        if row.get("entity") == "plans.plan" and row.get("field") == "state" and not row.get("erased")
    ]
    if states and states[-1] != body["status"]:
        return [
            Discrepancy(
                "status", f"the change log leads to “{states[-1]}”, but the document says “{body['status']}”"
            )
        ]
    return []


def _explains_outputs(body: Mapping[str, Any]) -> list[Discrepancy]:
    """The output of a task is the one that the log told last; logs of older plans tell none."""
    labels: dict[str, str] = {}
    last: dict[str, Any] = {}
    for row in body["change_log"]:
        if row.get("entity") != "plans.task":
            continue
        if row.get("erased"):
            last.pop(row["entity_id"], None)
            continue
        labels[row["entity_id"]] = row["object"]
        fields = row.get(changelog.FIELDS) or {}
        if "output" in fields:
            last[row["entity_id"]] = fields["output"][told.TO]
        elif row["field"] == "output":
            last[row["entity_id"]] = row[told.TO]
    known = {labels[pk]: digest for pk, digest in last.items()}
    findings = []
    for task in (task for stage in body["stages"] for task in stage["tasks"]):
        label = f"task {task['task_id']} {task['name']}"
        if label in known and told.digest_of(task["output"]) != known[label]:
            findings.append(Discrepancy(f"stages/{label}", "its output is not the one in the change log"))
    return findings


def _first_difference(one: bytes, other: bytes) -> int | None:
    if one == other:
        return None
    return next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _line(raw: bytes, position: int) -> str:
    return f"line {raw[:position].count(10) + 1}"
