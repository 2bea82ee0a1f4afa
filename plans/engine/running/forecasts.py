"""The daily look ahead of a plan whose command declares one: made by a worker, kept as a row of the log.

A bell that is lost rings again, and a forecast is made once a day however often it rings. The same bell rings
for looks at the newest data, which may be due more often.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from gtm.core import clock
from gtm.core.evidence import changelog
from plans.engine.running import dispatch, looks, steps
from plans.models import AT_WORK_PLAN_STATES, Plan
from plans.selectors import FORECAST, OUTLOOK, answer_of, forecasts_of

RUNG_AT_ONCE = 20
RING_AGAIN_AFTER = timedelta(minutes=10)


def sweep(now: datetime) -> int:
    """Ring for the plans whose look ahead or look at the newest data is due; answers for how many."""
    due = Plan.objects.filter(state__in=AT_WORK_PLAN_STATES, next_forecast_at__lte=now)
    chosen = list(due.order_by("next_forecast_at", "pk").values_list("pk", flat=True)[:RUNG_AT_ONCE])
    for pk in chosen:
        if dispatch.ring_forecast(pk):
            Plan.objects.filter(pk=pk).note(next_forecast_at=now + RING_AGAIN_AFTER)
    return len(chosen)


def make(plan_pk: int) -> dict[str, Any] | None:
    """Look ahead, keep what was seen, and say where the answer has turned.

    None where this revision has today's already, where the plan is at rest, or where its command sees nothing
    ahead of it any more.
    """
    plan = Plan.objects.select_related("program").filter(pk=plan_pk).first()
    if plan is None or plan.state not in AT_WORK_PLAN_STATES:
        return None
    due = plan.next_forecast_at
    seen = _look_ahead(plan) if _is_wanted(plan) else None
    again = [at for at in (tomorrow(plan) if plan.rules.forecast else None, looks.look(plan)) if at]
    # Whatever asked for another look meanwhile, such as going live, is not put off.
    Plan.objects.filter(pk=plan.pk, next_forecast_at=due).note(next_forecast_at=min(again, default=None))
    return seen


def _look_ahead(plan: Plan) -> dict[str, Any] | None:
    seen: dict[str, Any] | None = steps.load(plan.rules.forecast)(plan)
    with transaction.atomic():
        changelog.lock_chain(plan.change_chain())
        plan.refresh_from_db()
        if not _is_wanted(plan):
            return None
        if seen is not None:
            seen |= {"day": today(plan).isoformat(), "revision": plan.revision}
            before = next(iter(forecasts_of(plan)[-1:]), None)
            verdict = (answer_of(plan) or {}).get("verdict", "")
            changelog.append(plan, FORECAST, field=FORECAST, before=before, after=seen, reason=seen["told"])
            now = (answer_of(plan) or {}).get("verdict", "")
            if verdict and now != verdict:  # people have read the other one
                changelog.append(
                    plan, OUTLOOK, field="verdict", before=verdict, after=now, reason=seen["told"]
                )
    return seen


def today(plan: Plan) -> date:
    """The calendar day where the program is at home."""
    return clock.now().astimezone(ZoneInfo(plan.program.time_zone)).date()


def tomorrow(plan: Plan) -> datetime:
    """When the next day begins where the program is at home."""
    day = today(plan) + timedelta(days=1)
    return datetime.combine(day, time(), ZoneInfo(plan.program.time_zone)).astimezone(UTC)


def _is_wanted(plan: Plan) -> bool:
    has_one = bool(plan.rules.forecast) and plan.state in AT_WORK_PLAN_STATES
    now = (today(plan).isoformat(), plan.revision)
    return has_one and all((seen["day"], seen["revision"]) != now for seen in forecasts_of(plan))
