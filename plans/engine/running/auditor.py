"""Watches the sweep: alarms on cases that are late, and beats a heartbeat only when all is well.

A sweep that stood still cannot tell of itself: readiness reads the heartbeat's age, and the first sweep
afterwards takes every plan that missed something to its ladder.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from gtm.core.errors import GtmError
from gtm.core.evidence import changelog
from plans.engine.escalation import ladder
from plans.engine.stopping import stopped
from plans.models import AT_WORK_PLAN_STATES, CLIMBING_STATES, Approval, Escalation, Heartbeat, Plan

logger = logging.getLogger(__name__)

SWEEP = "sweep"
LATE_AFTER = timedelta(minutes=5)
STALLED = "engine-stalled"


def last_beat() -> datetime | None:
    return Heartbeat.objects.filter(name=SWEEP).values_list("beat_at", flat=True).first()


def wake(now: datetime) -> int:
    """Before a sweep: where the last beat is too old, tell the plans whose due times were missed, once."""
    since = last_beat()
    if since is None or now - since <= LATE_AFTER:
        return 0
    missed = {"due_at__gt": since, "due_at__lte": now}
    rounds = Approval.objects.filter(state="pending", **missed)
    cases = Escalation.objects.filter(state__in=CLIMBING_STATES, **missed).exclude(trigger=STALLED)
    affected = Q(approvals__in=rounds) | Q(escalations__in=cases)
    affected |= Q(
        tasks__state="retry_wait", tasks__next_attempt_at__gt=since, tasks__next_attempt_at__lte=now
    )
    told = 0
    logger.error("the sweep stood still from %s to %s", since, now)
    for plan in (
        Plan.objects.filter(affected, state__in=AT_WORK_PLAN_STATES).select_related("program").distinct()
    ):
        if stopped.is_stopped(plan) is None and not plan.escalations.filter(
            pk__in=ladder.open_cases(STALLED)
        ):
            span = f"From {since:%Y-%m-%d %H:%M} to {now:%Y-%m-%d %H:%M} UTC the sweep did not run."
            ladder.open_case(plan, STALLED, "The engine did not run; due times were missed", detail=span)
            told += 1
    return told


def check(now: datetime) -> int:
    """After a sweep: restart each late case once, and beat if none is late. Answers how many are."""
    late = Escalation.objects.filter(state__in=CLIMBING_STATES, due_at__lte=now - LATE_AFTER)
    found = [case for case in late.select_related("plan__program") if stopped.is_stopped(case.plan) is None]
    for case in found:
        logger.error("%s was due at %s and has not moved", case, case.due_at)
        if case.restarted_due_at != case.due_at:
            try:
                _restart(case, now)
            except GtmError:
                logger.exception("%s did not restart", case)
    if not found:
        Heartbeat.objects.update_or_create(name=SWEEP, defaults={"beat_at": now})
    return len(found)


def _restart(case: Escalation, now: datetime) -> None:
    with transaction.atomic():
        changelog.lock_chain(case.change_chain())
        case.refresh_from_db()
        case.restarted_due_at = case.due_at
        case.save()
        changelog.append(
            case, "restarted by the watchdog", reason=f"It was due at {case.due_at:%Y-%m-%d %H:%M}."
        )
    ladder.fire(case, now)
