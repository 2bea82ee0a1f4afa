"""What the governance packet says of the inputs of a run: its constraints, one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plans.commands.plan_loyalty.steps.constraints import BROKEN, MET, NOT_CHECKED
from plans.schemas.outputs import Section

HEADINGS = (
    (BROKEN, "Constraints that the design breaks"),
    (NOT_CHECKED, "Constraints that a person must check"),
    (MET, "Constraints that are met"),
)


def constraint_sections(results: Sequence[Mapping[str, str]]) -> list[Section]:
    """A section for each way a constraint may stand, the broken ones first."""
    return [
        Section(heading, bullets=[f"“{one['text']}”: {one['how']}" for one in found])
        for status, heading in HEADINGS
        if (found := [one for one in results if one["status"] == status])
    ]


def constraint_warnings(results: Sequence[Mapping[str, str]]) -> list[str]:
    """What an approver must not overlook of them."""
    counts = {status: sum(one["status"] == status for one in results) for status, _ in HEADINGS}
    found = [f"{counts[BROKEN]} constraints are broken"] if counts[BROKEN] else []
    return found + (
        [f"{counts[NOT_CHECKED]} constraints must be checked by a person"] if counts[NOT_CHECKED] else []
    )


def expiry_rule(design: Mapping[str, Any]) -> list[str]:
    """When points lapse, of a design that says so; those of before do not."""
    return [design["expiry"]["sentence"]] if design.get("expiry") else []


def nrr_target(signals: Mapping[str, Any], economics: Mapping[str, Any]) -> float | None:
    """Net revenue retention at which the program pays: today's, with members spending the break-even lift more."""
    now, lift = signals.get("nrr"), economics.get("break_even_lift")
    return None if now is None or lift is None else float(now) * (1 + float(lift))
