"""The answer of a load in lines for a terminal, from the JSON that every door shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from programs.datasets.snapshots.summary import summary_sentence, sums_sentence


def answer_lines(answer: Mapping[str, Any], store: Path) -> list[str]:
    """Every part of the answer, most wanted first. ``store``: where the file of rejects is."""
    return [
        *_counts(answer, store),
        *_rows_by_group(answer["loaded"]),
        *profile_lines(answer["terms"]),
        *_files(answer),
        *_applied(answer["applied"]),
        *(f"Note: {note}" for note in answer["notes"]),
        *change_lines(answer["change"]),
        *_commands(answer["commands"]),
        f"Dataset {answer['dataset']}, SHA-256 {answer['sha256']}",
    ]


def _counts(answer: Mapping[str, Any], store: Path) -> Iterator[str]:
    rejects = answer["rejects"]
    yield (
        f"{answer['input_rows']:,} rows read: {answer['loaded']['rows']:,} accepted, "
        f"{rejects['rejected']:,} rejected, {rejects['duplicates']:,} duplicates."
    )
    yield from (f"  {line}" for line in reason_lines(rejects))
    yield from left_out_lines(rejects)
    if rejects["file"]:
        yield f"Rejected rows with their reasons: {store / rejects['file']}"
    yield f"Accepted: {summary_sentence(answer['loaded'])}."


def reason_lines(rejects: Mapping[str, Any]) -> Iterator[str]:
    """Why rows were rejected, the most frequent reason first."""
    for reason, count in sorted(rejects["reasons"].items(), key=lambda item: -item[1]):
        example = rejects["examples"].get(reason)
        yield f"{count:,} × {reason}{f': {example}' if example else ''}"


def left_out_lines(rejects: Mapping[str, Any]) -> Iterator[str]:
    """Rows that the options leave out, and lines that stand in the row of their order."""
    for reason, count in rejects["left_out"].items():
        yield f"  {count:,} {reason}"
    if rejects["folded"]:
        yield f"  {rejects['folded']:,} lines are in the row of their order"


def _rows_by_group(summary: Mapping[str, Any]) -> Iterator[str]:
    for group in summary["groups"]:
        value = group["value"] or "(empty)"
        yield f"  {group['column']} {value}: {group['rows']:,} rows{sums_sentence(group['sums'])}"


def profile_lines(terms: Mapping[str, Any]) -> Iterator[str]:
    """Which load profile was named."""
    if terms["profile"]:
        whose = f"version {terms['version']}" if terms["origin"] == "profile" else "a preset"
        yield f"Load profile: {terms['profile']}, {whose}"


def _files(answer: Mapping[str, Any]) -> Iterator[str]:
    for file in answer["files"]:
        yield f"{file['name']}, as read in its first rows:"
        names = [*file["columns"], *(n for row in file["samples"] for n in row["cells"])]
        for ours in dict.fromkeys(names):
            shown = ", ".join(cell_sentence(row["cells"].get(ours)) for row in file["samples"])
            yield f"  {ours} ← {file['columns'].get(ours, 'given or computed')}: {shown}"


def cell_sentence(cell: Mapping[str, str] | None) -> str:
    """What the file says and what it was read as, once where both are the same."""
    if cell is None:
        return "–"
    if cell["written"] in ("", cell["read"]):
        return cell["read"] or "–"
    return f"{cell['written']} → {cell['read'] or '–'}"


def _applied(applied: list[Mapping[str, str]]) -> Iterator[str]:
    for one in applied:
        yield f"{one['name'].replace('_', ' ')}: {one['value']} ({source_sentence(one)})"


def source_sentence(applied: Mapping[str, str]) -> str:
    """Where an option came from."""
    return f"found in {applied['column']}" if applied["source"] == "file" else FROM[applied["source"]]


FROM = {
    "said": "said with the load",
    "profile": "of the load profile",
    "program": "the program's",
    "partner": "the partner's",
}


def change_lines(change: Mapping[str, Any]) -> Iterator[str]:
    """What became of what is current."""
    yield change["sentence"]
    if change["before"] and change["how"] != "nothing":
        yield f"  before: {summary_sentence(change['before'])}"
        yield f"  now:    {summary_sentence(change['after'])}"
    if change["how"] == "add":
        yield (
            f"  {change['added']:,} rows are new, {change['same']:,} were there, {change['replaced']:,} "
            f"replaced an older row of their key, {change['outdated']:,} are older than the row that is there"
        )


def _commands(commands: list[Mapping[str, Any]]) -> Iterator[str]:
    for command in commands:
        yield f"{command['title']}: {'can run' if command['can_run'] else 'cannot run yet'}"
        for missing in command["missing"]:
            yield f"  {missing['what']} {missing['cost']}"
