"""Search from everywhere: plans, programs, approvals, cases, whatever a list can be searched for.

Unfold's own search of models reads every row that fits; this one reads a few of each kind.
"""

from __future__ import annotations

from itertools import islice

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from unfold.dataclasses import SearchResult

from plans import case_kinds
from plans.selectors import PLAN_DOCUMENTS

MOST_OF_A_KIND = 8
FIRST = (
    *("plan", "program", "approval", "escalation"),
    *sorted(kind.machine.model._meta.model_name for kind in case_kinds.all_kinds()),
    *("campaign", "partner"),
)


def search(request: HttpRequest, term: str) -> list[SearchResult]:
    """What this person may see and ``term`` names, the newest of each kind first."""
    found = []
    for model, model_admin in sorted(admin.site._registry.items(), key=lambda item: _order(item[0])):
        if not model_admin.get_search_fields(request) or not model_admin.has_view_permission(request):
            continue
        rows, _ = model_admin.get_search_results(request, model_admin.get_queryset(request), term)
        meta = model._meta
        if "plan" in {field.name for field in meta.fields}:
            rows = rows.select_related("plan").defer(*(f"plan__{name}" for name in PLAN_DOCUMENTS))
        for row in islice(rows.order_by("-pk").distinct()[:MOST_OF_A_KIND], MOST_OF_A_KIND):
            state = row.get_state_display() if hasattr(row, "get_state_display") else ""
            title = getattr(row, "objective", "") or getattr(row, "subject", "") or str(row)
            parts = (
                "" if str(row) == title else str(row),
                meta.verbose_name.capitalize(),
                state,
                _plan_of(row),
            )
            told = " · ".join(part for part in parts if part)
            link = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
            found.append(SearchResult(title=title, description=told, link=link, icon="search"))
    return found


def _plan_of(row: Model) -> str:
    """The number of the plan it belongs to: many plans have a “Finance approval”."""
    plan = getattr(row, "plan", None)
    return plan.plan_id if plan else ""


def _order(model: type) -> tuple[int, str]:
    name = model._meta.model_name
    return (FIRST.index(name) if name in FIRST else len(FIRST), name)
