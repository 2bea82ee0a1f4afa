"""What the review looks at before a launch starts: the date, and who answers for each task."""

from __future__ import annotations

from plans.commands.launch_program.timetable import assignments, odds, rows_of, timetable, verdict, way_back
from plans.runs.start import Draft
from programs.analytics import raci


def date_can_be_made(draft: Draft) -> tuple[bool, str]:
    """Fails at once where the date is missed: by how much, and what to compress."""
    found = timetable(draft.inputs, draft.facts)
    chance = odds(draft.inputs, draft.facts, draft.seed).on_time
    told = verdict(found, way_back(draft.inputs, draft.facts))
    return not found.is_late, f"{told} Probability of making it: {chance.value:.0%}."


def everybody_is_named(draft: Draft) -> tuple[bool, str]:
    """Exactly one accountable and somebody responsible for every task, in roles that exist."""
    rows = rows_of(draft.inputs, draft.facts)
    problems = raci.find_problems(
        assignments(rows), tasks=[row["key"] for row in rows], roles=draft.facts["roles"]
    )
    return not problems, " ".join(problems) or f"{len(rows)} tasks, each with exactly one accountable role."


def not_live_yet(draft: Draft) -> tuple[bool, str]:
    """A launch that has gone live is not moved any more: launch again instead."""
    is_live = draft.facts.get("standing", {}).get("go-live", {}).get("is_done", False)
    return (
        not is_live,
        "It went live: its date and channels are history." if is_live else "Nothing is live yet.",
    )
