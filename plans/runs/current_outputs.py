"""How a plan stands now, where its command has something to say about it beyond the outputs of its tasks."""

from __future__ import annotations

from typing import Any

from gtm.core.errors import NotFound
from plans.engine.running import steps
from plans.models import Plan
from plans.runs import registry
from plans.schemas.outputs import payload_of


def standing_of(plan: Plan) -> list[dict[str, Any]]:
    """Outputs in their stored form, computed from the plan's rows this moment; nothing is kept."""
    try:
        command = registry.get(plan.command_key)
    except NotFound:
        return []  # the command was taken off this installation; its plans stay readable
    return [payload_of(output) for output in steps.load(command.standing)(plan)] if command.standing else []
