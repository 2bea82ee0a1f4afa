"""What a launch reads of the organisation: runbooks in force, who holds which role, and where they work."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from gtm.core import clock
from plans.commands.launch_program import material
from plans.runs.draft import owner_of, worker_facts
from programs.models import Program, Role
from programs.selectors import runbooks_of

CHECKS = {
    "checklist": "Launch checklist",
    "comms-kit": "Communications kit",
    "sessions": "Training and enablement",
    "tooling-qa": "Link and tracking QA",
    "launch-packet": "Launch packet",
}
"""What the engine does before go or no-go: each of them blocks the launch while it is open."""


def facts(program: Program) -> dict[str, Any]:
    """``channels`` and ``roles`` are what the inputs may name; ``people`` maps roles to who does their tasks.

    ``as_of`` is the day the run is planned on, in the program's time zone.
    """
    runbooks = runbooks_of(program.kind)
    people = {role.slug: (role, owner_of(role)) for role in Role.objects.order_by("slug")}
    return material.facts(program) | {
        "as_of": clock.now().astimezone(ZoneInfo(program.time_zone)).date().isoformat(),
        "checks": CHECKS,
        "runbooks": runbooks,
        "channels": {channel: {"name": channel} for channel in runbooks if channel},
        "roles": {slug: {"name": role.name} for slug, (role, _) in people.items()},
        "people": {slug: worker_facts(owner) for slug, (_, owner) in people.items() if owner},
    }
