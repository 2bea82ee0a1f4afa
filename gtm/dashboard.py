"""The home page: what waits for me, what runs, what is late or escalated, and how the programs do."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from gtm.core import clock
from plans.admin import badges
from plans.engine import inbox
from plans.models import LIVE_PLAN_STATES, OPEN_CASE_STATES, Escalation, Plan
from plans.selectors import cases_with_people, failing_channels, late_anchor_copies, tasks_with_people

MOST = 8


def waiting_count(request: HttpRequest) -> int:
    return len(_waiting(request))


def escalated_count() -> int:
    return Escalation.objects.filter(state__in=OPEN_CASE_STATES).count()


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What Unfold puts on the index page; every list is short and leads to the whole."""
    context["waiting"] = _waiting(request)
    context["may_run"] = request.user.has_perm("plans.operate_plan")
    context["broken"] = _broken(request.user)
    if not request.user.has_perm("plans.view_plan"):
        return context
    plans = Plan.objects.select_related("program", "requested_by")
    live = plans.filter(state__in=LIVE_PLAN_STATES)
    late = tasks_with_people().filter(due_at__lt=clock.now(), state__in=["ready", "escalated", "unknown"])
    cases = cases_with_people().filter(state__in=OPEN_CASE_STATES)
    context |= {
        "tiles": [
            ("Running", live.count(), "?state__in=running,blocked,in_review"),
            (
                "Finished",
                plans.filter(state__in=["succeeded", "succeeded_degraded"]).count(),
                "?state__exact=succeeded",
            ),
            ("Late tasks", late.count(), ""),
            ("Escalated", cases.count(), ""),
        ],
        "running": [(p, badges.badge(p)) for p in live.order_by("-created_at")[:MOST]],
        "finished": [
            (p, badges.badge(p))
            for p in plans.exclude(state__in=LIVE_PLAN_STATES).order_by("-finished_at")[:MOST]
        ],
        "late": late.order_by("due_at")[:MOST],
        "cases": [(c, badges.badge(c)) for c in cases.order_by("-created_at")[:MOST]],
    }
    return context


def _broken(user: Any) -> list[dict[str, Any]]:
    """What operations and auditors have to know: where messages and anchors do not arrive, and why."""
    if not (user.has_perm("plans.operate_plan") or user.has_perm("plans.audit_plan")):
        return []
    channels = [
        row | {"what": f"Messages by {row['channel']}", "count": row["messages"]}
        for row in failing_channels()
    ]
    copies = [
        row | {"what": f"Anchors to {row['place']}", "count": row["copies"]} for row in late_anchor_copies()
    ]
    return channels + copies


def _waiting(request: HttpRequest) -> inbox.Inbox:
    """Asked once a request: the badge and the page look at the same list."""
    if not hasattr(request, "_waiting"):
        request._waiting = inbox.waiting_for(request.user)
    return request._waiting
