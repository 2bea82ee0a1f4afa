"""Step 8, readiness: how much of what a launch needs is done, and whether anything open forbids it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from gtm.core.percents import percent_text
from plans.commands.launch_program.answer import of_readiness
from plans.commands.launch_program.steps.timetable import Facts, approvals_of, rows_of
from plans.commands.shared.second_review import reviewed_first
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Column, Figure, Metrics, Output, StepResult, Table
from programs.analytics.estimate import Unavailable
from programs.analytics.readiness import Readiness, ReadinessItem, readiness
from programs.models import BEFORE_LAUNCH, LEAST_READINESS, RunbookPhase

ENGINE_GROUP = "checks"
DELIVERABLES = ("runbook", "comms-kit", "link-qa", "monitoring", "incident_response")
"""What has to be made before a launch date is decided on."""


def items(
    inputs: Mapping[str, Any],
    facts: Facts,
    done: Mapping[str, float],
    waived: Collection[str],
    checks: Mapping[str, str],
) -> list[ReadinessItem]:
    """What has to be ready before go or no-go.

    ``done``: key → progress from 0 to 1. ``checks``: keys and titles of the engine's own tasks, which weigh 1
    and block. An approval blocks too, with the weight of its row where the runbook has one.
    """
    told = rows_of(inputs, facts)
    rows = {row["key"]: row for row in told if row["phase"] in BEFORE_LAUNCH}
    people = [
        ReadinessItem(key, row["name"], done.get(key, 0.0), row["weight"], row["group"], row["is_blocker"],
             "waived" if key in waived else "")
        for key, row in rows.items()
        if row["phase"] != RunbookPhase.APPROVAL
    ]  # fmt: skip
    engine = [
        ReadinessItem(
            key, title, done.get(key, 0.0), 1.0, ENGINE_GROUP, True, "waived" if key in waived else ""
        )
        for key, title in checks.items()
    ]
    approvals = [
        ReadinessItem(key, rows[key]["name"] if key in rows else key.replace("-", " ").capitalize(), done.get(key, 0.0),
             rows[key]["weight"] if key in rows else 1.0, "approvals", True)
        for key in approvals_of(told)
    ]  # fmt: skip
    return [*people, *engine, *approvals]


def least(facts: Facts) -> float:
    """Share of the weighted work that has to be done before go or no-go, by the launch profile."""
    return float((facts.get("launch") or {}).get("least_readiness", LEAST_READINESS)) / 100


def assess_readiness(context: StepContext) -> StepResult:
    """The figures that go or no-go is decided on, as they stood when everything in the way was settled."""
    finished = context.finished
    waived = {key for key, how in finished.items() if how.state == "waived"}
    done = dict.fromkeys(finished, 1.0)
    checks = context.program["checks"]
    found = readiness(
        items(context.inputs, context.program, done, waived, checks), minimum=least(context.program)
    )
    values = values_of(found)
    links = links_proven(context.outputs.get("link_qa") or {})
    values["headline"] = [*values["headline"], links]
    answer = of_readiness(found, context.inputs["launch_date"], links)
    told: list[Output] = [answer, figures(found, least(context.program)), open_items(found, done)]
    return StepResult(values=values, outputs=told)


def links_proven(qa: Mapping[str, Any]) -> dict[str, str]:
    """What go or no-go has to know of the links: a link that nobody followed is proven by nothing."""
    followed, checked = qa.get("followed", 0), qa.get("checked", 0)
    said = f"{followed} of {checked} followed to their end" if followed else f"none of {checked} was followed"
    return {"label": "Links of the kit", "value": said if checked else "the kit has none"}


def values_of(found: Readiness) -> dict[str, Any]:
    share = None if isinstance(found.share, Unavailable) else found.share.value
    counted = "nothing to count" if share is None else f"{percent_text(share)}"
    return {
        "readiness": share,
        "decision": found.decision,
        "open_blockers": [item.title for item in found.open_blockers],
        "waived": [item.title for item in found.waived],
        "headline": [
            {"label": "Launch readiness", "value": counted},
            {"label": "Open blockers", "value": ", ".join(i.title for i in found.open_blockers) or "none"},
            {"label": "Waived", "value": ", ".join(i.title for i in found.waived) or "none"},
        ],
    }


def figures(found: Readiness, minimum: float) -> Metrics:
    """Readiness with numerator and denominator, in all and by group, and every veto."""
    told = [("readiness", "Launch readiness", found.share)]
    told += [(f"readiness-{group}", group.capitalize(), share) for group, share in found.by_group.items()]
    return Metrics(
        "readiness",
        f"Launch readiness: {found.decision}",
        [
            _figure(key, label, share, f"at least {percent_text(minimum, 0)}" if key == "readiness" else "")
            for key, label, share in told
        ],
        note=" ".join(found.reasons) or "Nothing forbids the launch.",
    )


def _figure(key: str, label: str, share: Any, target: str) -> Figure:
    definition = "Σ weight × progress / Σ weight; waived tasks count on neither side"
    if isinstance(share, Unavailable):
        return Figure(key, label, None, definition=definition, unavailable=share.reason)
    return Figure(key, label, 100 * share.value, "%", numerator=share.numerator, denominator=share.denominator,
                  definition=definition, target=target)  # fmt: skip


def open_items(found: Readiness, done: Mapping[str, float]) -> Table:
    rows = [
        [item.title, item.group, item.weight, item.progress, "blocks the launch"]
        for item in found.open_blockers
    ]
    rows += [[item.title, item.group, item.weight, item.progress, item.waiver] for item in found.waived]
    columns = (
        Column("task", "Task"),
        Column("group", "Group"),
        Column("weight", "Weight", "number"),
        Column("progress", "Done", "percent"),
        Column("why", "Why it is listed"),
    )
    return Table(
        "vetoes", "Vetoes and waivers", columns, rows, "Open blockers veto the launch at any percentage."
    )


review_and_assess = reviewed_first("readiness", DELIVERABLES, assess_readiness)
