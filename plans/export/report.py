"""The report of a plan as PDF: pure rendering of the plan JSON document and its outputs, for print.

Page 1 is the answer and who decided, page 2 the chart and the assumptions; then the chapters, evidence last.
The same document gives the same bytes. The report is a reading copy; the evidence is the plan JSON.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils import timezone

from plans.drawing import pictures, typesetting, words
from plans.export import paper, render, report_evidence
from plans.export.paper import Part
from plans.schemas.answer import Answer, rounding_note
from plans.templatetags.gtm import (
    NUMERIC,
    VERDICT_FAMILIES,
    cell,
    cells,
    ends,
    figure,
    in_unit,
    interval,
    roughly,
)

MOST_ROWS, MOST_POINTS = 60, 24  # of a table, and of the one behind a chart; the XLSX holds all
LEADING_ROWS = 7
MOST_COLUMNS = 9
OTHERS = "Further results"
NO_ANSWER = "This plan has no answer yet. What is known so far follows."


@timezone.override("UTC")  # whoever asks for it: the same rows, the same bytes
def pdf(document: Mapping[str, Any], outputs: Iterable[Mapping[str, Any]] = ()) -> bytes:
    """The report of a plan JSON ``document``; ``outputs`` are payloads of its outputs, in its order.

    Raises NotNow where it cannot be made at the moment.
    """
    return typesetting.pdf(content(document, outputs), document["updated_at"].replace("Z", "+00:00"))


def content(document: Mapping[str, Any], outputs: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """What the report tells, as its template reads it, with letters that can be printed."""
    shown = [payload for payload in outputs if payload["kind"] != Answer.kind]
    drawn = _drawn(shown)
    first = (document.get("answer") or {}).get("chart")
    parts = [
        *_answer(document.get("answer")),
        *report_evidence.approvals(document),
        paper.CONTENTS,
        *_second_page(document, shown, drawn),
        *_chapters(document, shown, {key: one for key, one in drawn.items() if key != first}),
        paper.heading("Evidence", 1),
        *report_evidence.parts(document),
    ]
    missing: Counter[str] = Counter()
    told = {
        "title": f"{document['objective']} ({document['plan_id']})",
        "heading": document["objective"],
        "author": document["created_by"],
        "subtitle": _subtitle(document),
        "foot": f"{document['plan_id']} · revision {document['revision']} · {document['updated_at'][:16]}Z",
    }
    found: dict[str, Any] = typesetting.printable({**told, "parts": parts}, missing)
    if missing:
        found["parts"] = [paper.remark(_unprintable(missing)), *found["parts"]]
    return found


def _subtitle(document: Mapping[str, Any]) -> str:
    subject = document["subject"]
    told = [
        ", ".join(filter(None, [subject["name"], subject.get("campaign")])),
        f"{document['plan_id']}, revision {document['revision']}",
        report_evidence.in_words(document["status"]),
        f"asked by {document['created_by']} on {document['created_at'][:10]}",
    ]
    return " · ".join(told)


def _unprintable(missing: Counter[str]) -> str:
    letter, _ = missing.most_common(1)[0]
    example = f"{unicodedata.name(letter, 'a sign without a name')} (U+{ord(letter):04X})"
    count = missing.total()
    return (
        f"{count:,} letter{'s' * (count != 1)} of this plan {'are' if count != 1 else 'is'} printed as "
        f"{typesetting.INSTEAD}: the fonts of this report do not have {example}"
        f"{' and others' if len(missing) > 1 else ''}. The page of the plan and its workbook show them."
    )


# ------------------------------------------------------------------ page 1


def _answer(answer: Mapping[str, Any] | None) -> list[Part]:
    """What to do, before anything else."""
    if answer is None:
        return [paper.heading("Answer", 1), paper.text(NO_ANSWER)]
    said = answer["verdict"]
    parts = [
        paper.heading("Answer", 1),
        paper.verdict(VERDICT_FAMILIES[said], said.capitalize(), answer["headline"]),
        *paper.figures([*_worth(answer["money"]), *map(_figure, answer["figures"])]),
    ]
    if answer["certainty"]["words"]:
        parts.append(paper.labelled("How sure", answer["certainty"]["words"]))
    if answer["caveats"]:
        parts += [paper.heading("Know before you decide"), *paper.bullets(answer["caveats"])]
    if answer["alternative"]:
        parts.append(paper.labelled("Alternative", answer["alternative"]["words"]))
    if answer["next"]:
        parts.append(paper.labelled("Next", answer["next"]))
    if note := rounding_note(answer):
        parts.append(paper.remark(note))
    return parts


def _worth(worth: Mapping[str, Any] | None) -> list[tuple[str, str, list[str]]]:
    if worth is None or worth["amount"] is None:
        return []
    return [(worth["label"], roughly(worth["amount"], worth["currency"]), _within(worth))]


def _figure(one: Mapping[str, Any]) -> tuple[str, str, list[str]]:
    value = "–" if one["value"] is None else roughly(one["value"], one["unit"])
    more = [one["unavailable"]] if one["value"] is None and one["unavailable"] else []
    more += _within(one)
    if one["comparison"] is not None:
        more.append(f"{one['compared_with']}: {roughly(one['comparison'], one['unit'])}")
    return one["label"], value, more


def _within(one: Mapping[str, Any]) -> list[str]:
    return [] if one["low"] is None or one["high"] is None else [interval(dict(one))]


# ------------------------------------------------------------------ page 2


def _second_page(
    document: Mapping[str, Any], outputs: Sequence[Mapping[str, Any]], drawn: Mapping[str, Part]
) -> list[Part]:
    """The chart and the rows that say most, and what was assumed."""
    answer = document.get("answer") or {}
    parts: list[Part] = [paper.PAGE] if answer else []
    found: list[Part] = []
    for payload in outputs:
        if payload["key"] == answer.get("chart") and payload["key"] in drawn:
            found += [paper.heading(payload["title"]), drawn[payload["key"]], *_note(payload)]
    for payload in outputs:
        if payload["key"] == answer.get("table") and payload["kind"] in ("table", "backlog"):
            keys = render.keys_of(payload)
            grid = render.chosen(render.grid(payload), keys, answer.get("columns", ()))
            found += [paper.heading(payload["title"]), *_grid(grid, LEADING_ROWS), *_note(payload)]
    if found := [*found, *_assumptions(document)]:
        parts += [paper.heading("What the answer rests on", 1), *found]
    return parts


def _assumptions(document: Mapping[str, Any]) -> list[Part]:
    found = document["assumptions"]
    if not found:
        return []
    head = ("Assumption", "Low", "Likely", "High", "Unit", "Source", "Owner")
    rows = [
        [
            one["name"] or "–",
            *(in_unit(one[end], one["unit"]) for end in ("low", "likely", "high")),
            one["unit"] or "–",
            one["source"],
            one["owner"],
        ]
        for one in found
    ]
    return [paper.heading("Assumptions"), paper.table(head, rows, right=(1, 2, 3))]


# ------------------------------------------------------------------ chapters


def _chapters(
    document: Mapping[str, Any], outputs: Sequence[Mapping[str, Any]], drawn: Mapping[str, Part]
) -> list[Part]:
    """The outputs by the task that made them; ``drawn`` are the charts not shown before."""
    tasks = {t["task_id"]: t["name"] for stage in document["stages"] for t in stage["tasks"]}
    made_by = {one["key"]: tasks.get(one["task_id"], OTHERS) for one in document["outputs"]}
    parts: list[Part] = []
    chapter = None
    for payload in outputs:
        title = made_by.get(payload["key"], OTHERS)
        if title != chapter:
            parts.append(paper.heading(title, 1))
            chapter = title
        parts += _output(payload, drawn)
    return parts


def _drawn(outputs: Sequence[Mapping[str, Any]]) -> dict[str, Part]:
    """The charts among the outputs by their keys, with their words. Raises NotNow (see ``pictures``)."""
    charts = {payload["key"]: payload for payload in outputs if payload["kind"] == "chart"}
    made = pictures.pictures([(payload, None) for payload in charts.values()], "svg")
    return {
        key: paper.picture(svg, words.of_chart(charts[key])) for key, svg in zip(charts, made, strict=True)
    }


def _output(payload: Mapping[str, Any], drawn: Mapping[str, Part]) -> list[Part]:
    parts: list[Part] = [paper.heading(payload["title"])]
    if payload["kind"] == "document":
        for section in payload["sections"]:
            parts.append(paper.heading(section["heading"], 3))
            parts += [paper.text(line) for line in section["paragraphs"]]
            parts += paper.bullets(section["bullets"])
    elif payload["kind"] == "metrics":
        rows = [
            (m["label"], figure(m), _interval(m), m["unavailable"] or m["definition"] or "–")
            for m in payload["items"]
        ]
        parts.append(paper.table(("Figure", "Value", "Interval", "Definition"), rows, right=(1, 2)))
    elif payload["kind"] == "messages":
        for item in payload["items"]:
            parts += _message(item)
    elif payload["kind"] == "chart":
        parts += [drawn[payload["key"]] if payload["key"] in drawn else paper.remark("Drawn on page 2.")]
        parts += _grid(render.grid(payload), MOST_POINTS)
    else:
        parts += _grid(render.grid(payload), MOST_ROWS)
    return [*parts, *_note(payload)]


def _note(payload: Mapping[str, Any]) -> list[Part]:
    return [paper.remark(payload["note"])] if payload.get("note") else []


def _message(item: Mapping[str, Any]) -> list[Part]:
    """Words on paper; what is HTML is named, for its source would tell a reader little."""
    parts: list[Part] = [paper.heading(f"{item['title']} ({item['path']})", 3)]
    if item["subject"]:
        parts.append(paper.text(f"Subject: {item['subject']}"))
    if item["media_type"] == "text/html":
        return [*parts, paper.remark("HTML: see the file in the kit.")]
    return [*parts, *(paper.text(line) for line in item["body"].splitlines() if line.strip())]


def _interval(metric: Mapping[str, Any]) -> str:
    return ends(dict(metric)) if metric["low"] is not None else "–"


def _grid(found: render.Grid, most: int) -> list[Part]:
    """Its first rows and columns as a table, and how many more the workbook has."""
    units = [f" ({unit})" if unit else "" for unit in found.units]
    head = [f"{name}{unit}" for name, unit in zip(found.header, units, strict=True)][:MOST_COLUMNS]
    rows = [[text for _, text in cells(row, found)][:MOST_COLUMNS] for row in found.rows[:most]]
    right = [n for n, kind in enumerate(list(found.kinds)[:MOST_COLUMNS]) if kind in NUMERIC]
    left_out = []
    if len(found.rows) > most:
        left_out.append(f"the first {most} of {cell(len(found.rows))} rows")
    if len(found.header) > MOST_COLUMNS:
        left_out.append(f"the first {MOST_COLUMNS} of {len(found.header)} columns")
    told = [paper.remark(f"Shown: {', '.join(left_out)}; the XLSX holds all.")] if left_out else []
    return [paper.table(head, rows, right), *told] if rows else [paper.remark("No rows.")]
