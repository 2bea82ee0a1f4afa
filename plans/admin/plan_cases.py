"""The cases of a plan as its page shows them: a few of each kind, and the way to all of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from plans import case_kinds
from plans.drawing import badges
from plans.models import Plan

SHOWN = 3


def cases_of(plan: Plan, user: Any) -> list[dict[str, Any]]:
    """Kinds with cases of the plan that the user may see: title, count, url, rows. Two queries a kind."""
    found = []
    for kind in case_kinds.all_kinds():
        cases = kind.of_plan(plan, user) if kind.of_plan else None
        if cases is None or not (count := cases.count()):
            continue
        meta = kind.machine.model._meta
        page = f"admin:{meta.app_label}_{meta.model_name}"
        rows = [
            ({"title": str(case), "url": reverse(f"{page}_change", args=[case.pk])}, badges.badge(case))
            for case in cases[:SHOWN]
        ]
        every = f"{reverse(f'{page}_changelist')}?{urlencode({'q': plan.plan_id})}"
        found.append({"title": kind.title, "count": count, "url": every, "rows": rows})
    return found
