"""What an optimize-referrals run writes: the fraud cases that people decide, and which tiers partners moved to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plans.cases.fraud import verbs
from plans.engine.record import content
from plans.models import Plan, Task

HEALTH = "partner-health"


def open_cases(plan: Plan, values: Mapping[str, Any]) -> None:
    """Cases for people, in the transaction that records the review. Nobody is banned, nothing is withheld by it.

    An aborted plan leaves them open: what was seen is as suspicious as before, and people close it.
    """
    verbs.open_all(plan, [*values["cases"], *values["audit"]])


def note_tiers(plan: Plan, values: Mapping[str, Any]) -> None:
    """Rows about partners whose tier in the data is another than in the last run that saw them there."""
    same = {"plan__program": plan.program_id, "plan__plugin": plan.plugin, "plan__command": plan.command}
    earlier = Task.objects.filter(**same, key=HEALTH, output__isnull=False).exclude(plan=plan)
    last = earlier.select_related("plan").order_by("-plan__created_at", "-plan_id").first()
    if last is None or last.output is None:
        return
    now, before = tiers_in(values), tiers_in(last.output)
    both = now.keys() & before.keys()
    sides = ({partner: {"tier": tiers[partner]} for partner in both} for tiers in (before, now))
    reason = f"Compared with {last.plan.plan_id}."
    content.tell(plan, *sides, reason=reason, event=content.REPEATED, at="partners")


def tiers_in(values: Mapping[str, Any]) -> dict[str, str]:
    """Partner → tier, of those whose rows name one."""
    return {row["partner"]: row["tier"] for row in values.get("partners", ()) if row["tier"]}
