"""The whole plan as one XLSX: the answer with its chart, an index, a sheet each table, evidence last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.worksheet.hyperlink import Hyperlink

from plans.export import native_chart, sheets
from plans.export.render import Grid, grid

SUMMARY, INDEX = "Summary", "Index"
TOP = 3  # the row of a table's header: its title and the way back stand above
LINK = Font(name=sheets.FONT, color="1D4ED8", underline="single")
BOLD, LARGE = Font(name=sheets.FONT, bold=True), Font(name=sheets.FONT, bold=True, size=16)
MUTED = Font(name=sheets.FONT, color="4B5563")
WRAPPED = Alignment(wrap_text=True, vertical="top")
WIDTHS_OF_SUMMARY = (38, 60, 14)
WIDTHS_OF_INDEX = (34, 60, 10, 80)
LETTERS_OF_A_LINE = (32, 52, 11)  # of the columns of the summary
HIGH_OF_A_LINE = 15  # points
NO_ANSWER = "This plan has no answer yet: the step that makes it has not run."
FACT = "fact"


@dataclass(frozen=True, slots=True)
class Chapter:
    """A sheet of the workbook; ``payload`` is the output it comes from, None for evidence."""

    title: str
    found: Grid
    about: str = ""
    payload: Mapping[str, Any] | None = None


def xlsx(document: Mapping[str, Any], outputs: Iterable[Mapping[str, Any]] = ()) -> bytes:
    """The workbook of a plan JSON ``document``; ``outputs`` are payloads of its outputs, all rows of them.

    The same document gives the same bytes.
    """
    book = Workbook()
    book.remove(book.active)
    summary, index = book.create_sheet(SUMMARY), book.create_sheet(INDEX)
    chapters = [
        *(
            Chapter(payload["title"], grid(payload), payload.get("note") or "", payload)
            for payload in outputs
            if payload["kind"] != "answer"
        ),
        *evidence(document),
    ]
    made = [(chapter, _sheet(book, chapter)) for chapter in chapters]
    _index(index, made)
    _summary(summary, document, made)
    book.properties.title = sheets.text(document["objective"])
    book.properties.creator = sheets.text(document["created_by"])
    return sheets.saved(book, datetime.fromisoformat(document["updated_at"]))


def _summary(sheet: Any, document: Mapping[str, Any], made: Sequence[tuple[Chapter, Any]]) -> None:
    answer = document.get("answer")
    sheet["A1"], sheet["A1"].font = sheets.text(document["objective"]), LARGE
    sheet["A2"] = sheets.text(f"{document['plan_id']}, revision {document['revision']}")
    sheet["A2"].font = MUTED
    _link(sheet["A3"], INDEX, "All sheets: Index")
    top = 5
    if answer:
        sheets.fill(sheet, grid(answer), top)
        sheet.auto_filter.ref = None
    else:
        sheet.cell(top, 1, NO_ANSWER)
    sheet.freeze_panes = None
    _widths(sheet, WIDTHS_OF_SUMMARY)
    for row in sheet.iter_rows(min_row=top + 1, max_col=3):
        for cell in row:
            left = "left" if cell.column == 2 else None
            cell.alignment = Alignment(wrap_text=True, vertical="top", horizontal=left)
        lengths = (len(str(cell.value or "")) for cell in row)
        lines = max(-(-long // most) for long, most in zip(lengths, LETTERS_OF_A_LINE, strict=True))
        sheet.row_dimensions[row[0].row].height = HIGH_OF_A_LINE * max(lines, 1)
    keys = [answer["chart"], answer["table"]] if answer else []
    for key in dict.fromkeys(filter(None, keys)):
        _shown(sheet, key, made)
    sheets.wide(sheet)


def _shown(sheet: Any, key: str, made: Sequence[tuple[Chapter, Any]]) -> None:
    """A link to the output with a key, and its chart where a spreadsheet has one like it."""
    for chapter, other in made:
        if chapter.payload is None or chapter.payload["key"] != key:
            continue
        line = sheet.max_row + 1
        _link(sheet.cell(line, 1), other.title, f"See: {chapter.title}")
        if chapter.payload["kind"] == "chart" and chapter.payload["shape"] in native_chart.SHAPES:
            sheet.add_chart(native_chart.native(chapter.payload, other, TOP), "E5")


def _index(sheet: Any, made: Sequence[tuple[Chapter, Any]]) -> None:
    for number, name in enumerate(("Sheet", "What it shows", "Rows", "Note"), 1):
        sheet.cell(1, number, name).font = BOLD
    _link(sheet.cell(2, 1), SUMMARY, SUMMARY)
    sheet.cell(2, 2, "The answer: what to do, for how much, how surely")
    for line, (chapter, other) in enumerate(made, 3):
        _link(sheet.cell(line, 1), other.title, other.title)
        sheet.cell(line, 2, sheets.text(chapter.title))
        sheet.cell(line, 3, len(chapter.found.rows)).number_format = sheets.FORMATS["integer"]
        sheet.cell(line, 4, sheets.text(chapter.about)).alignment = WRAPPED
    sheet.freeze_panes = "A2"
    _widths(sheet, WIDTHS_OF_INDEX)
    sheets.wide(sheet)


def _sheet(book: Workbook, chapter: Chapter) -> Any:
    sheet = book.create_sheet(sheets.free_name(book.sheetnames, chapter.title))
    sheets.fill(sheet, chapter.found, TOP)
    _link(sheet["A1"], INDEX, "← Index")
    sheet["A2"], sheet["A2"].font = sheets.text(chapter.title), BOLD
    sheets.wide(sheet)
    return sheet


def _link(cell: Any, name: str, words: str) -> None:
    """A way to another sheet of the same workbook."""
    quoted = name.replace("'", "''")
    cell.value, cell.font = sheets.text(words), LINK
    cell.hyperlink = Hyperlink(ref=cell.coordinate, location=f"'{quoted}'!A1", display=cell.value)


def _widths(sheet: Any, widths: Sequence[float]) -> None:
    for letter, width in zip("ABCDEFGH", widths, strict=False):
        sheet.column_dimensions[letter].width = width


# ------------------------------------------------------------------ evidence


def evidence(document: Mapping[str, Any]) -> Iterable[Chapter]:
    """What was asked, done, decided and written down."""
    tasks = [task for stage in document["stages"] for task in stage["tasks"]]
    yield Chapter("Plan", _facts(document), "What was asked, by whom, with which inputs")
    of_task = {
        "task_id": "No.", "name": "Task", "agent": "Agent", "owner": "Owner", "kind": "Kind",
        "status": "State", "due_at": "Due", "dependencies": "Waits for",
    }  # fmt: skip
    yield Chapter("Tasks", _grid(of_task, tasks))
    of_attempt = {
        "task_id": "Task", "number": "Attempt", "executor": "Executor", "outcome": "Outcome",
        "started_at": "Started", "finished_at": "Finished", "seconds": "Seconds",
        "error_class": "Kind of error", "error": "Error",
    }  # fmt: skip
    attempts = [{"task_id": t["task_id"], **a} for t in tasks for a in t["attempts"]]
    yield Chapter("Attempts", _grid(of_attempt, attempts))
    of_vote = {
        "gate": "Approval", "round": "Round", "status": "State", "amount": "Amount", "currency": "Currency",
        "opened_at": "Opened", "due_at": "Due", "decided_at": "Decided", "decision": "Vote",
        "person": "Person", "account": "Account", "on_behalf_of": "On behalf of", "at": "Voted",
        "comment": "Comment", "superseded_at": "Changed later", "void_reason": "Why it does not count",
    }  # fmt: skip
    votes = [{**a, **d} for a in document["approvals"] for d in a["decisions"] or [{}]]
    yield Chapter("Approvals", _grid(of_vote, votes, unit="currency"))
    of_case = {
        "trigger": "Trigger", "about": "About", "subject": "Subject", "detail": "Detail", "status": "State",
        "rung": "Rung", "opened_at": "Opened", "closed_at": "Closed", "remediation": "What was done",
    }  # fmt: skip
    yield Chapter("Escalations", _grid(of_case, document["escalations"]))
    of_change = {
        "sequence": "No.", "at": "When", "actor": "Who", "on_behalf_of": "On behalf of", "via": "Through",
        "object": "What", "event": "Event", "field": "Field", "from": "From", "to": "To", "reason": "Why",
        "hash": "SHA-256 of the row",
    }  # fmt: skip
    yield Chapter("Change log", _grid(of_change, document["change_log"]))


KINDS_OF_EVIDENCE = {"amount": "figure", "seconds": "number"}


def _grid(columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]], unit: str = "") -> Grid:
    """Rows of the document by their columns; ``unit`` is the one that has the currency of an amount."""
    names = list(columns)
    kinds = [
        FACT if name == "at" or name.endswith("_at") else KINDS_OF_EVIDENCE.get(name, "text")
        for name in names
    ]
    found = [[row.get(name) for name in names] for row in rows]
    blank = [""] * len(names)
    return Grid(list(columns.values()), found, kinds, blank, names.index(unit) if unit else None)


def _facts(document: Mapping[str, Any]) -> Grid:
    named = {
        "plan_id": "Plan", "revision": "Revision", "status": "State", "objective": "Objective",
        "created_by": "Asked by", "created_at": "Asked", "started_at": "Started", "finished_at": "Finished",
    }  # fmt: skip
    rows = [[words, document[name], ""] for name, words in named.items()]
    rows.append(["Usage", document["command"]["usage"], ""])
    for name, value in sorted(document["command"]["inputs"].items()):
        rows += _input(f"Input {name}", value)
    rows.append(["Head of the change log", document["integrity"]["head"], ""])
    return Grid(["Fact", "Value", "Unit"], rows, ["text", FACT, "text"], [""] * 3, unit_in=2)


def _input(name: str, value: Any) -> list[list[Any]]:
    """A stored input: an amount of money as a number, and what is said of it in rows of its own."""
    if not isinstance(value, Mapping) or not {"amount", "currency"} <= value.keys():
        return [[name, value, ""]]
    rest = [[f"{name}, {key}", said, ""] for key, said in value.items() if key not in ("amount", "currency")]
    return [[name, float(value["amount"]), value["currency"]], *rest]
