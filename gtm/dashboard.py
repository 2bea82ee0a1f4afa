"""The home page: what waits for me, then what is at risk, then what runs, and how the programs do."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse

from gtm.core import clock
from gtm.core.identity import confirmation
from gtm.core.models import PasswordOfAnother
from plans.admin.at_risk import at_risk
from plans.admin.entries import said_once
from plans.admin.waiting import lines, waiting
from plans.drawing import badges, sparkline
from plans.engine.alarms.overview import rule_overviews
from plans.engine.gates.tolerance import number_of
from plans.engine.people.permissions import holds_any_role
from plans.models import ANSWERED_STATES, LIVE_PLAN_STATES, OPEN_CASE_STATES, Escalation, Plan, RipcordPull
from plans.runs.reading_units import in_words, unit_of
from plans.selectors import (
    cases_with_people,
    failing_channels,
    late_anchor_copies,
    tasks_with_people,
    weekly_trends,
)
from plans.standard import establishing
from plans.templatetags.gtm import cell
from programs.models.two_people import PERMISSION

MOST = 8
MOST_ENTRIES = 5
MOST_TRENDS = 8
MOST_PERIODS = 12
TRENDS_SECONDS = 60


def _lacks_factor(user: Any) -> bool:
    """Whether this person decides here, and could not yet where a second factor is asked for."""
    if not settings.GTM_SECOND_FACTOR or confirmation.has_counting(user):
        return False
    return user.has_perm(PERMISSION) or holds_any_role(user)


def escalated_count() -> int:
    return Escalation.objects.filter(state__in=OPEN_CASE_STATES).count()


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What Unfold puts on the index page; every list is short and leads to the whole."""
    context["waiting"], found = waiting(request), lines(request)
    context["entries"] = said_once(found[:MOST_ENTRIES])
    context["total"] = sum(entry.count for entry in found)
    context["is_all"] = len(found) <= MOST_ENTRIES
    context["may_run"] = request.user.has_perm("plans.operate_plan")
    context["broken"] = _broken(request.user)
    context["to_establish"] = request.user.is_superuser and establishing.lacking().anything
    context["not_their_own"] = PasswordOfAnother.objects.filter(user=request.user).first()
    context["lacks_factor"] = _lacks_factor(request.user)
    context["factor_waits"] = context["lacks_factor"] and confirmation.waits(request.user)
    if not request.user.has_perm("plans.view_plan"):
        return context
    plans = Plan.objects.select_related("program", "requested_by")
    live = plans.filter(state__in=LIVE_PLAN_STATES)
    late = tasks_with_people().filter(due_at__lt=clock.now(), state__in=ANSWERED_STATES | {"ready"})
    cases = cases_with_people().filter(state__in=OPEN_CASE_STATES)
    context |= {
        "tiles": [
            ("Live plans", live.count(), _list("plan", f"state__in={','.join(sorted(LIVE_PLAN_STATES))}")),
            ("Late tasks", late.count(), "#late"),
            (
                "Escalated",
                cases.count(),
                _list("escalation", f"state__in={','.join(sorted(OPEN_CASE_STATES))}"),
            ),
        ],
        "trends": cache.get_or_set("gtm-home-trends", _trends, TRENDS_SECONDS),
        "stops": RipcordPull.objects.filter(state="pulled").exclude(scope="plan").select_related("program"),
        "at_risk": at_risk(),
        "running": [(p, badges.badge(p)) for p in live.order_by("-created_at")[:MOST]],
        "finished": [
            (p, badges.badge(p))
            for p in plans.exclude(state__in=LIVE_PLAN_STATES).order_by("-finished_at")[:MOST]
        ],
        "late": late.order_by("due_at")[:MOST],
        "cases": [(c, badges.badge(c)) for c in cases.order_by("-created_at")[:MOST]],
    }
    return context


def _trends() -> list[dict[str, Any]]:
    """How the work and the watched metrics went; the same for everybody, so worked out once a minute."""
    found = [
        {"label": name, "unit": "this week", "values": values, "told": [cell(v) for v in values], "href": ""}
        for name, values in weekly_trends().items()
    ]
    for one in rule_overviews():
        values = [number_of(reading.value) for reading in one.readings[-MOST_PERIODS:]]
        if len(found) < MOST_TRENDS and values[-1] is not None:
            numbers = [None if value is None else float(value) for value in values]
            label = f"Rule: {one.title}, {one.program}"
            newest = one.readings[-1]
            about = f"{newest.get_verdict_display()}: {newest.message or newest.period}"
            unit = unit_of(newest)
            told = [in_words(value, unit) for value in values]
            href = reverse("admin:plans_rules")
            found.append({"label": label, "unit": about, "values": numbers, "told": told, "href": href})
    return [row | {"spark": sparkline.draw(row["values"], row["label"], row["told"])} for row in found]


def _list(model: str, query: str) -> str:
    return f"{reverse(f'admin:plans_{model}_changelist')}?{query}"


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
