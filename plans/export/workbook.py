"""The whole plan as one XLSX: facts, tasks, decisions, escalations, change log, a sheet each output."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from plans.export import render

LONGEST_NAME = 31
WIDEST = 60


def xlsx(document: Mapping[str, Any], outputs: Iterable[Mapping[str, Any]] = ()) -> bytes:
    """The workbook of a plan JSON ``document``; ``outputs`` are payloads of its outputs, all rows of them."""
    book = Workbook()
    book.remove(book.active)
    for title, header, rows in _parts(document):
        _sheet(book, title, header, rows)
    for payload in outputs:
        found = render.grid(payload)
        units = [f" ({unit})" if unit else "" for unit in found.units]
        header = [f"{name}{unit}" for name, unit in zip(found.header, units, strict=True)]
        render.show_as_kinds(_sheet(book, payload["title"], header, found.rows), found)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _parts(document: Mapping[str, Any]) -> Iterable[tuple[str, Sequence[str], Iterable[Sequence[Any]]]]:
    tasks = [task for stage in document["stages"] for task in stage["tasks"]]
    names = (
        "plan_id",
        "revision",
        "status",
        "objective",
        "created_by",
        "created_at",
        "started_at",
        "finished_at",
    )
    facts = [(name, document[name]) for name in names]
    facts += [("usage", document["command"]["usage"]), ("head", document["integrity"]["head"])]
    facts += [(f"input {name}", value) for name, value in sorted(document["command"]["inputs"].items())]
    yield "Plan", ("Fact", "Value"), facts
    of_task = ("task_id", "name", "agent", "owner", "kind", "status", "due_at", "dependencies")
    yield "Tasks", of_task, [[t[name] for name in of_task] for t in tasks]
    of_attempt = (
        "number",
        "executor",
        "outcome",
        "started_at",
        "finished_at",
        "seconds",
        "error_class",
        "error",
    )
    attempts = [[t["task_id"], *(a[name] for name in of_attempt)] for t in tasks for a in t["attempts"]]
    yield "Attempts", ("task_id", *of_attempt), attempts
    of_round = ("gate", "round", "status", "amount", "currency", "opened_at", "due_at", "decided_at")
    of_vote = (
        "decision",
        "person",
        "account",
        "on_behalf_of",
        "at",
        "comment",
        "superseded_at",
        "void_reason",
    )
    votes = [
        [*(a[name] for name in of_round), *(d.get(name) for name in of_vote)]
        for a in document["approvals"]
        for d in a["decisions"] or [{}]
    ]
    yield "Approvals", (*of_round, *of_vote), votes
    of_case = (
        "trigger",
        "about",
        "subject",
        "detail",
        "status",
        "rung",
        "opened_at",
        "closed_at",
        "remediation",
    )
    yield "Escalations", of_case, [[c[name] for name in of_case] for c in document["escalations"]]
    of_change = ("sequence", "at", "actor", "on_behalf_of", "via", "object", "event", "field", "from", "to",
                 "reason", "hash")  # fmt: skip
    yield "Change log", of_change, [[r[name] for name in of_change] for r in document["change_log"]]


def _sheet(book: Workbook, title: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Any:
    sheet = book.create_sheet(_free_name(book, title))
    sheet.append([render.safe_cell(h) for h in header])
    for row in rows:
        sheet.append([render.safe_cell(_flat(value)) for value in row])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    sheet.freeze_panes = "A2"
    for number, column in enumerate(sheet.iter_cols(max_row=50), 1):
        longest = max((len(str(cell.value)) for cell in column if cell.value is not None), default=8)
        sheet.column_dimensions[get_column_letter(number)].width = min(longest + 2, WIDEST)
    return sheet


def _free_name(book: Workbook, title: str) -> str:
    """A sheet's name: none of the characters Excel refuses, at most 31, and only once."""
    name = re.sub(r"[\[\]:*?/\\\s]+", " ", title).strip("' ")[:LONGEST_NAME].strip() or "Sheet"
    taken, number = {sheet.lower() for sheet in book.sheetnames}, 2
    free = name
    while free.lower() in taken:
        free = f"{name[: LONGEST_NAME - 3].strip()} {number}"
        number += 1
    return free


def _flat(value: Any) -> Any:
    """A cell holds one value: parts of a list or an object side by side."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_flat(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(str(_flat(item)) for item in value)
    return value
