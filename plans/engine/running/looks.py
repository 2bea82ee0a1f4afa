"""Looks at the newest data of a plan whose command watches limits: a breach alarms between runs.

The bell is that of the daily look ahead. A look says itself when the next one is. What a look finds stands
under the period of its data, so looking again at the same data counts nothing again and writes nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from gtm.core import canonical, clock
from gtm.core.evidence import changelog
from plans.engine.alarms import readings
from plans.engine.running import steps
from plans.models import AT_WORK_PLAN_STATES, Plan
from plans.schemas.outputs import settle
from plans.selectors import LOOKED, looks_of


def look(plan: Plan) -> datetime | None:
    """Hold the limits against the newest data, count what is breached, and answer when the next look is.

    None where the command watches nothing, or nothing now. Computes outside the transaction, which writes
    only where the plan is still at work.
    """
    if not plan.rules.watch or plan.state not in AT_WORK_PLAN_STATES:
        return None
    result = steps.load(plan.rules.watch)(plan)
    if result is None:
        return None
    found: dict[str, Any] = settle(canonical.plain(dict(result.values)))
    next_at = found.pop("next_at")
    with transaction.atomic():
        changelog.lock_chain(plan.change_chain())
        plan.refresh_from_db()
        if plan.state not in AT_WORK_PLAN_STATES:
            return None
        before = next(iter(looks_of(plan)[-1:]), None)
        if found != {name: value for name, value in (before or {}).items() if name != "at"}:
            after = {"at": canonical.rfc3339(clock.now()), **found}
            changelog.append(plan, LOOKED, field=LOOKED, before=before, after=after, reason=found["told"])
        readings.take(plan, None, result)
    return datetime.fromisoformat(next_at) if next_at else None
