"""The report of a plan as PDF: pure rendering of the plan JSON document and its outputs, for print.

The same document gives the same bytes. The report is a reading copy; the evidence is the plan JSON.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from django.utils import timezone
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    Image,
    KeepTogether,
    LongTable,
    PageTemplate,
    Paragraph,
    Spacer,
    TableStyle,
)

from plans.drawing import pictures
from plans.export import render
from plans.schemas.answer import Answer, rows_of
from plans.templatetags.gtm import NUMERIC, cell, cells, figure, in_unit, money, roughly

FONTS = Path(__file__).parent / "fonts"
REGULAR, BOLD = "DejaVuSansCondensed", "DejaVuSansCondensed-Bold"
MARGIN = 18 * mm
WIDTH = A4[0] - 2 * MARGIN
MOST_ROWS = 60  # of a table; the XLSX holds all
MOST_CHANGES = 400
MOST_COLUMNS = 9
INK, MUTE, LINE = colors.HexColor("#111827"), colors.HexColor("#4b5563"), colors.HexColor("#d1d5db")
TEXT = ParagraphStyle("text", fontName=REGULAR, fontSize=9, leading=12, textColor=INK)
SMALL = ParagraphStyle("small", TEXT, fontSize=7.5, leading=9.5)
RIGHT = ParagraphStyle("right", SMALL, alignment=2)
HEAD = ParagraphStyle("head", SMALL, fontName=BOLD)
HEAD_RIGHT = ParagraphStyle("head right", HEAD, alignment=2)
HELP = ParagraphStyle("help", TEXT, fontSize=8, leading=10.5, textColor=MUTE)
TITLE = ParagraphStyle("title", TEXT, fontName=BOLD, fontSize=17, leading=21, spaceAfter=4)
LEAD = ParagraphStyle("lead", TEXT, fontName=BOLD, fontSize=12, leading=16, spaceAfter=4)
HEADING = ParagraphStyle(
    "heading", TEXT, fontName=BOLD, fontSize=12, leading=15, spaceBefore=12, spaceAfter=4
)
SUBHEADING = ParagraphStyle("subheading", TEXT, fontName=BOLD, fontSize=9.5, leading=12, spaceBefore=6)


@timezone.override("UTC")  # whoever asks for it: the same rows, the same bytes
def pdf(document: Mapping[str, Any], outputs: Iterable[Mapping[str, Any]] = ()) -> bytes:
    """The report of a plan JSON ``document``; ``outputs`` are payloads of its outputs, in its order."""
    for name in (REGULAR, BOLD):
        pdfmetrics.registerFont(TTFont(name, FONTS / f"{name}.ttf"))
    out = io.BytesIO()
    shown = [payload for payload in outputs if payload["kind"] != Answer.kind]
    drawn = _drawn(shown)
    made = BaseDocTemplate(
        out,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=f"{document['objective']} ({document['plan_id']})",
        author=document["created_by"],
        invariant=1,
    )
    frame = Frame(MARGIN, MARGIN, WIDTH, A4[1] - 2 * MARGIN, 0, 0, 0, 0)
    foot = f"{document['plan_id']} · revision {document['revision']} · {document['updated_at'][:16]}Z"
    made.addPageTemplates(PageTemplate("page", [frame], onPage=lambda canvas, _: _footer(canvas, foot)))
    made.build(
        [
            *_head(document),
            *_results(document),
            *_approvals(document),
            *(part for payload in shown for part in _output(payload, drawn)),
            *_tasks(document),
            *_trouble(document),
            *_rules(document),
            *_changes(document),
            *_integrity(document),
        ]
    )
    return out.getvalue()


def _footer(canvas: Canvas, text: str) -> None:
    canvas.setFont(REGULAR, 7.5)
    canvas.setFillColor(MUTE)
    canvas.drawString(MARGIN, 10 * mm, text)
    canvas.drawRightString(A4[0] - MARGIN, 10 * mm, f"page {canvas.getPageNumber()}")


# ------------------------------------------------------------------ parts


def _head(document: Mapping[str, Any]) -> list[Flowable]:
    subject, command = document["subject"], document["command"]
    facts = [
        ("Plan", f"{document['plan_id']}, revision {document['revision']}"),
        ("Status", _words(document["status"])),
        ("For", ", ".join(filter(None, [subject["name"], subject.get("campaign")]))),
        ("Asked by", f"{document['created_by']}, {_time(document['created_at'])}"),
        ("Finished", _time(document["finished_at"])),
        ("Command", command["usage"]),
        *((f"Input {name}", _value(value)) for name, value in sorted(command["inputs"].items())),
    ]
    data = [
        ("Data", f"{d['kind']}, {cell(d['rows'])} rows, {d['sha256'][:12]}…") for d in document["datasets"]
    ]
    title = _text(document["objective"], TITLE)
    return [title, *_answer(document.get("answer")), _grid([], [*facts, *data], widths=(1, 4))]


def _answer(answer: Mapping[str, Any] | None) -> list[Flowable]:
    """What to do, before anything else; nothing while there is no answer."""
    if answer is None:
        return []
    (_, headline, _), (_, verdict, _), *rows = rows_of(answer)
    told = [(label, roughly(value, unit)) for label, value, unit in rows]
    return [
        _text(f"{verdict.capitalize()}: {headline}", LEAD),
        _grid([], told, widths=(2, 5)),
        Spacer(0, 4 * mm),
    ]


def _results(document: Mapping[str, Any]) -> list[Flowable]:
    rows = [
        (m["label"], _target(m), cell(m["actual"]), {True: "met", False: "not met", None: m["why"]}[m["met"]])
        for m in document["success_metrics"]
    ]
    return _section("Success metrics", ("Metric", "Target", "Actual", "Met"), rows, widths=(3, 4, 2, 3))


def _target(metric: Mapping[str, Any]) -> str:
    """In words, and as the value where there is one."""
    if metric["target"] is None:
        return str(metric["target_text"])
    return f"{metric['target_text']} ({metric['comparator']} {cell(metric['target'])})"


def _approvals(document: Mapping[str, Any]) -> list[Flowable]:
    rows = []
    for one in document["approvals"]:
        amount = money(one["amount"], one["currency"])
        said = [_decision(d) for d in one["decisions"]]
        said += [_broken(g) for g in one.get("break_glass", [])]
        rows.append(
            (f"{one['title']}, round {one['round']}", _words(one["status"]), amount, "\n".join(said) or "–")
        )
    return _section("Approvals", ("Approval", "State", "Amount", "Who said what"), rows, widths=(3, 2, 2, 6))


def _decision(decision: Mapping[str, Any]) -> str:
    behalf = f" for {decision['on_behalf_of']}" if decision["on_behalf_of"] else ""
    said = f": “{decision['comment']}”" if decision["comment"] else ""
    void = f" (does not count: {decision['void_reason']})" if decision["void_reason"] else ""
    changed = " (changed later)" if decision["superseded_at"] else ""
    at = _time(decision["at"])
    return f"{decision['person']}{behalf}, {at}: {_words(decision['decision']).lower()}{said}{void}{changed}"


def _broken(use: Mapping[str, Any]) -> str:
    second, review = use["agreed_by"] or "nobody yet", use["review"] or "owed"
    return f"Break-glass by {use['asked_by']} and {second}: {use['reason']} Review: {review}"


def _tasks(document: Mapping[str, Any]) -> list[Flowable]:
    rows = [
        (t["task_id"], t["name"], t["owner"] or t["agent"], _words(t["status"]), _attempts(t))
        for stage in document["stages"]
        for t in stage["tasks"]
    ]
    head = ("No.", "Task", "Who", "State", "Attempts")
    return _section("Tasks", head, rows, widths=(1, 4, 3, 2.5, 5))


def _attempts(task: Mapping[str, Any]) -> str:
    told = []
    for one in task["attempts"]:
        took = f" in {one['seconds']:,.1f} s" if one["seconds"] is not None else ""
        error = f": {one['error']}" if one["error"] else ""
        told.append(
            f"{one['number']} of {task['max_attempts']} ({one['executor']}) {one['outcome']}{took}{error}"
        )
    return "\n".join(told) or "–"


def _trouble(document: Mapping[str, Any]) -> list[Flowable]:
    cases = [
        (_time(c["opened_at"]), c["subject"], _words(c["status"]), c["remediation"] or c["detail"] or "–")
        for c in document["escalations"]
    ]
    pulls = [
        (
            _time(p["pulled_at"]),
            p["reason"],
            _words(p["status"]),
            f"{p['pulled_by']}; {p['remediation'] or '–'}",
        )
        for p in document["ripcord"]
    ]
    head, widths = ("When", "What", "State", "What was done"), (2, 5, 2, 4)
    return [*_section("Escalations", head, cases, widths), *_section("Rip-cord", head, pulls, widths)]


def _drawn(outputs: Iterable[Mapping[str, Any]]) -> Iterator[Flowable]:
    """The charts among the outputs in their order, as wide as the page. Raises NotNow (see ``pictures``)."""
    charts = [(payload, None) for payload in outputs if payload["kind"] == "chart"]
    for picture in pictures.pictures(charts, "png"):
        image = Image(io.BytesIO(picture))
        yield Image(io.BytesIO(picture), WIDTH, WIDTH * image.imageHeight / image.imageWidth)


def _output(payload: Mapping[str, Any], drawn: Iterator[Flowable]) -> list[Flowable]:
    parts: list[Flowable] = [_text(payload["title"], HEADING)]
    if payload["kind"] == "document":
        for section in payload["sections"]:
            parts.append(_text(section["heading"], SUBHEADING))
            parts += [_text(line, TEXT) for line in section["paragraphs"]]
            parts += [_text(f"• {line}", TEXT) for line in section["bullets"]]
    elif payload["kind"] == "metrics":
        rows = [
            (m["label"], figure(m), _interval(m), m["unavailable"] or m["definition"])
            for m in payload["items"]
        ]
        parts.append(_grid(("Figure", "Value", "Interval", "Definition"), rows, widths=(3, 2, 2, 4)))
    elif payload["kind"] == "messages":
        for item in payload["items"]:
            parts += _message(item)
    elif payload["kind"] == "chart":
        parts.append(KeepTogether(next(drawn)))
        parts += _table(payload)
    else:
        parts += _table(payload)
    if note := payload.get("note"):
        parts.append(_text(note, HELP))
    return parts


def _message(item: Mapping[str, Any]) -> list[Flowable]:
    """Words on paper; what is HTML is named, for its source would tell a reader little."""
    parts: list[Flowable] = [_text(f"{item['title']} ({item['path']})", SUBHEADING)]
    if item["subject"]:
        parts.append(_text(f"Subject: {item['subject']}", TEXT))
    if item["media_type"] == "text/html":
        return [*parts, _text("HTML: see the file in the kit.", HELP)]
    return [*parts, *(_text(line, TEXT) for line in item["body"].splitlines() if line.strip())]


def _interval(metric: Mapping[str, Any]) -> str:
    ends = (in_unit(metric[name], metric["unit"]) for name in ("low", "high"))
    return " to ".join(ends) if metric["low"] is not None else "–"


def _table(payload: Mapping[str, Any]) -> list[Flowable]:
    found = render.grid(payload)
    units = [f" ({unit})" if unit else "" for unit in found.units]
    header = [f"{name}{unit}" for name, unit in zip(found.header, units, strict=True)][:MOST_COLUMNS]
    kinds = list(found.kinds)[:MOST_COLUMNS]
    rows = [[text for _, text in cells(row, found)][:MOST_COLUMNS] for row in found.rows[:MOST_ROWS]]
    right = [n for n, kind in enumerate(kinds) if kind in NUMERIC]
    left_out = []
    if len(found.rows) > MOST_ROWS:
        left_out.append(f"the first {MOST_ROWS} of {len(found.rows)} rows")
    if len(found.header) > MOST_COLUMNS:
        left_out.append(f"the first {MOST_COLUMNS} of {len(found.header)} columns")
    told = [_text(f"Shown: {', '.join(left_out)}; the XLSX holds all.", HELP)] if left_out else []
    return [_grid(header, rows, right=right), *told]


def _rules(document: Mapping[str, Any]) -> list[Flowable]:
    rows = [(i["text"], _words(i["result"]), i.get("evidence") or "–") for i in document["review_checklist"]]
    ladder = "; ".join(f"{r['rung']}. {r['role']} ({r['effect']})" for r in document["escalation_ladder"])
    parts = _section("Review checklist", ("Item", "Result", "Evidence"), rows, widths=(4, 2, 5))
    return [*parts, _text(f"{document['strategy_rationale']} Ladder: {ladder}.", HELP)]


def _changes(document: Mapping[str, Any]) -> list[Flowable]:
    log = document["change_log"]
    rows = [
        (
            r["sequence"],
            _time(r["at"]),
            _who(r),
            f"{r['object']}: {r['event']}",
            _moved(r),
            r["reason"] or "–",
        )
        for r in log[-MOST_CHANGES:]
    ]
    head = ("No.", "When (UTC)", "Who", "What", "From → to", "Why")
    parts = _section("Change log", head, rows, widths=(1, 2.3, 2.5, 4, 4, 3))
    if len(log) > MOST_CHANGES:
        parts.append(_text(f"The last {MOST_CHANGES} of {len(log)} rows; the plan JSON holds all.", HELP))
    return parts


def _who(row: Mapping[str, Any]) -> str:
    if row["erased"]:
        return "(erased)"
    return f"{row['actor']} for {row['on_behalf_of']}" if row["on_behalf_of"] else row["actor"]


def _moved(row: Mapping[str, Any]) -> str:
    if not row["field"]:
        return "–"
    before, after = (_value(row[side])[:120] for side in ("from", "to"))
    return f"{row['field']}: {before} → {after}"


def _integrity(document: Mapping[str, Any]) -> list[Flowable]:
    found = document["integrity"]
    rows = [
        ("Chain", f"{found['chain']}, {found['length']} rows"),
        ("Head", found["head"]),
        ("Seal of the document", found["seal"]),
        ("Seed", str(found["seed"])),
        ("Versions", ", ".join(f"{name} {number}" for name, number in sorted(found["versions"].items()))),
    ]
    told = "This is a reading copy. Verify the plan JSON: manage.py verify_changelog FILE"
    return [_text("Integrity", HEADING), _grid([], rows, widths=(1, 4)), _text(told, HELP)]


# ------------------------------------------------------------------ pieces


def _section(
    title: str, head: Sequence[str], rows: Sequence[Sequence[Any]], widths: Sequence[float] = ()
) -> list[Flowable]:
    """A heading and its table, or nothing where there is nothing to tell."""
    return [_text(title, HEADING), _grid(head, rows, widths)] if rows else []


def _grid(
    head: Sequence[str],
    rows: Sequence[Sequence[Any]],
    widths: Sequence[float] = (),
    right: Sequence[int] = (),
) -> Flowable:
    """A table over the whole width; columns share it by ``widths``, those in ``right`` hold numbers."""
    columns = len(head or rows[0])
    shares = widths or [1.0] * columns
    lines = [[_text(h, HEAD_RIGHT if n in right else HEAD) for n, h in enumerate(head)]] if head else []
    lines += [[_text(v, RIGHT if n in right else SMALL) for n, v in enumerate(row)] for row in rows]
    if not lines:
        return Spacer(0, 0)
    table = LongTable(lines, [WIDTH * s / sum(shares) for s in shares], repeatRows=1 if head else 0)
    style = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ("LEFTPADDING", (0, 0), (-1, -1), 2),
    ]
    table.setStyle(TableStyle([*style, ("LINEBELOW", (0, 0), (-1, 0), 1, INK)] if head else style))
    return table


def _text(value: Any, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(str(value), quote=False).replace("\n", "<br/>"), style)


def _words(state: str) -> str:
    return state.replace("_", " ").capitalize()


def _time(at: str | None) -> str:
    return at[:16].replace("T", " ") if at else "–"


def _value(value: Any) -> str:
    """A stored value in a line: lists and objects by their parts."""
    if isinstance(value, Mapping):
        if {"amount", "currency"} <= value.keys():
            rest = {key: item for key, item in value.items() if key not in ("amount", "currency")}
            return ", ".join(filter(None, [money(value["amount"], value["currency"]), _value(rest)]))
        return ", ".join(f"{key} {_value(item)}" for key, item in value.items())
    return cell(value)
