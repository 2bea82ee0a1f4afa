"""The preview of a load in lines for a terminal, from the JSON that every door shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def preview_lines(preview: Mapping[str, Any]) -> list[str]:
    """The file, the columns, the first rows, what is current, and what is open."""
    return [
        f"{preview['title']} of {preview['partner'] or preview['program']}; nothing is stored.",
        *_guesses(preview),
        *_files(preview),
        *_columns(preview),
        *_rows(preview),
        *(f"Note: {note}" for note in preview["notes"]),
        *_change(preview["change"]),
        *_open(preview["questions"]),
    ]


def _guesses(preview: Mapping[str, Any]) -> Iterator[str]:
    for guess in preview["guesses"]["profiles"]:
        yield f"Looks like “{guess['title']}” ({guess['name']}). {guess['why']}"
    for guess in preview["guesses"]["kinds"]:
        yield f"Looks like {guess['title'].lower()} ({guess['kind']}): {guess['why']}"


def _files(preview: Mapping[str, Any]) -> Iterator[str]:
    for file in preview["files"]:
        read = f"the first {file['rows']:,} rows were read" if file["is_cut"] else f"{file['rows']:,} rows"
        yield f"{file['name']}: {read}, {len(file['columns'])} columns; {'; '.join(file['notes'])}"


def _columns(preview: Mapping[str, Any]) -> Iterator[str]:
    for column in preview["columns"]:
        if column["theirs"]:
            shown = ", ".join(column["examples"])
            yield f"  {column['name']} ← {column['theirs']} ({column['source']}): {shown}"
        elif column["is_required"] and not column["constant"]:
            could = ", ".join(column["candidates"])
            yield f"  {column['name']} ← ?{f' perhaps {could}' if could else ''}"


def _rows(preview: Mapping[str, Any]) -> Iterator[str]:
    counts = preview["counts"]
    if not counts:
        return
    yield (
        f"{counts['read']:,} rows read: {counts['accepted']:,} accepted, {counts['rejected']:,} rejected, "
        f"{counts['duplicates']:,} duplicates, {counts['left_out']:,} left out, {counts['folded']:,} in "
        "the row of their order."
    )
    for one in (*counts["reasons"], *counts["left_out_for"]):
        where = f": {one['example']}" if one["example"] else ""
        yield f"  {one['rows']:,} × {one['reason']}{where}"
    yield f"First rows as they would be stored, times in {preview['time_zone']}:"
    for row in preview["accepted"]:
        cells = ", ".join(f"{name} {text}" for name, text in row["cells"].items() if text)
        yield f"  row {row['row']:,}: {cells}"
    for row in preview["refused"]:
        cells = ", ".join(f"{name} {text}" for name, text in row["cells"].items())
        yield f"  {row['outcome']}, row {row['row']:,}: {'; '.join(row['reasons'])}: {cells}"


def _change(change: Mapping[str, Any] | None) -> Iterator[str]:
    if change:
        yield change["sentence"]
        yield from (f"  --{how}: {sentence}" for how, sentence in change["choices"].items())


def _open(questions: list[Mapping[str, Any]]) -> Iterator[str]:
    for question in questions:
        for reply in question["replies"]:
            yield f"{question['where']}: set {reply['option']}={reply['value']} ({reply['label']})"
