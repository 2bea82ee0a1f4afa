"""What a plan-loyalty run reads of the organisation."""

from __future__ import annotations

from typing import Any

from programs.models import Program
from programs.personas import personas_of
from programs.selectors import benefits_of, experiment_designs, people_by_role

STRATEGIST, ANALYST, OPS = "loyalty-strategist", "member-insights-analyst", "loyalty-ops"
SPONSOR = "exec-sponsor"


def gather_facts(program: Program) -> dict[str, Any]:
    """Who holds the roles the blueprint names as owners, who answers for the assumptions, and how tests were planned."""
    owner = program.assumptions_owner
    return {
        "benefits": benefits_of(program),
        "personas": personas_of(program),
        "people": people_by_role([STRATEGIST, ANALYST, OPS, "finance", "legal", SPONSOR]),
        "assumptions_owner": owner.name if owner else "",
        "experiments": experiment_designs(program),
    }
