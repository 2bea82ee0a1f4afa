"""What the page of a plan's evidence shows: the two lists, of the plan JSON and of the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gtm.core.errors import InvalidInput
from gtm.core.evidence import anchors, notes
from gtm.core.evidence.notes import NoteKey
from gtm.core.models import SigningKey
from plans.export import files, standing, verify
from plans.export.verify import Kept
from plans.models import Plan


def of_plan(plan: Plan, asked: Mapping[str, str]) -> dict[str, Any]:
    """Both verifications with the keys that the reader typed; of a key that is none, why."""
    problems: list[str] = []
    kept = Kept(
        keys=_keys(asked.get("key", ""), problems), witnesses=_keys(asked.get("witness", ""), problems)
    )
    of_file = verify.prove_bytes(files.read(plan), kept).proof
    path = anchors.file_path()
    try:
        in_file = anchors.read_file(path) if path.is_file() else []
    except (InvalidInput, OSError) as error:
        in_file, problems = [], [*problems, f"The file of anchors cannot be read: {error}."]
    of_database = standing.prove([plan.change_chain()], plan.plan_id, kept, in_file)
    return {
        "verifications": [("The plan JSON", of_file), ("The database", of_database)],
        "problems": problems,
        "key": asked.get("key", ""),
        "witness": asked.get("witness", ""),
        "signing_keys": SigningKey.objects.all(),
    }


def _keys(text: str, problems: list[str]) -> list[NoteKey] | None:
    if not text.strip():
        return None
    try:
        return notes.read_keys(text)
    except notes.NoteError as error:
        problems.append(f"This is no key: {error}.")
        return None
