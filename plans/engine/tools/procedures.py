"""Which procedures the plan follows, in which version, with the passage that says so."""

from __future__ import annotations

from plans.engine.tools.request import ToolAnswer, ToolRequest
from plans.models import CallOutcome
from plans.schemas import skills
from plans.schemas.outputs import Column, Table

BY = "built-in:procedure-library 1"


def look_up(asked: ToolRequest) -> ToolAnswer:
    """The passages of every procedure that the plan cites, held against the library as it stands now."""
    cited, library = asked.plan.rules.skills, skills.every()
    moved = [c.name for c in cited if c.name not in library or library[c.name].digest != c.digest]
    rows = [
        (skill.name, skill.version, point.checks, point.passage, point.source, point.passage_digest)
        for skill in cited
        for point in skill.points
    ]
    arguments = {"procedures": {skill.name: skill.version for skill in cited}}
    if not rows:
        return ToolAnswer("", CallOutcome.NOT_RUN, "No step of this command cites a procedure.", arguments)
    versions = ", ".join(f"{skill.name} version {skill.version}" for skill in cited)
    said = f"Passages: {len(rows)}, of {versions}."
    if moved:
        said += f" The library has another version by now of {', '.join(moved)}."
    table = Table(
        f"tool-{asked.hook.work}",
        f"{asked.hook.purpose}: procedures that this plan follows",
        [
            Column("procedure", "Procedure"),
            Column("version", "Version", "integer"),
            Column("checks", "What is checked"),
            Column("passage", "Passage"),
            Column("source", "Document"),
            Column("sha256", "SHA-256 of the passage"),
        ],
        rows,
        note=said,
    )
    return ToolAnswer(BY, CallOutcome.ANSWERED, said, arguments, table)
