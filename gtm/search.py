"""Search from everywhere: plans, programs, approvals, cases, disputes, whatever a list can be searched for.

Unfold's own search of models reads every row that fits; this one reads a few of each kind.
"""

from __future__ import annotations

from itertools import islice

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from unfold.dataclasses import SearchResult

MOST_OF_A_KIND = 8
FIRST = ("plan", "program", "approval", "escalation", "dispute", "fraudcase", "campaign", "partner")


def search(request: HttpRequest, term: str) -> list[SearchResult]:
    """What this person may see and ``term`` names, the newest of each kind first."""
    found = []
    for model, model_admin in sorted(admin.site._registry.items(), key=lambda item: _order(item[0])):
        if not model_admin.get_search_fields(request) or not model_admin.has_view_permission(request):
            continue
        rows, _ = model_admin.get_search_results(request, model_admin.get_queryset(request), term)
        meta = model._meta
        for row in islice(rows.order_by("-pk").distinct()[:MOST_OF_A_KIND], MOST_OF_A_KIND):
            state = row.get_state_display() if hasattr(row, "get_state_display") else ""
            told = " · ".join(part for part in (str(row), meta.verbose_name.capitalize(), state) if part)
            title = getattr(row, "objective", "") or getattr(row, "subject", "") or str(row)
            link = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
            found.append(SearchResult(title=title, description=told, link=link, icon="search"))
    return found


def _order(model: type) -> tuple[int, str]:
    name = model._meta.model_name
    return (FIRST.index(name) if name in FIRST else len(FIRST), name)
