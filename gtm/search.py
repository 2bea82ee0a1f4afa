"""Search from everywhere (Ctrl K): pages, plans, people, partners, programs, data sets, what results name.

Unfold's own view keeps what it found for five minutes, whatever becomes of the reader's permissions, and its
search of models reads every row that fits. This one asks each time and reads a few of each kind.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Max, Model, Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from unfold.dataclasses import SearchResult

from gtm.navigation import navigation
from plans import case_kinds
from plans.models import Artifact
from plans.selectors import PLAN_DOCUMENTS, visible_plans

MOST_OF_A_KIND = 8
LONGEST_TERM = 100
SHORTEST_IN_RESULTS = 3
MOST_RESULTS_READ = 40
TABLES = ("table", "backlog")
FIRST = (
    *("plan", "program", "person", "partner", "campaign", "dataset", "approval", "escalation"),
    *sorted(kind.machine.model._meta.model_name for kind in case_kinds.all_kinds()),
)


def page(request: HttpRequest) -> HttpResponse:
    """What the palette shows for what was typed."""
    began, term = time.monotonic(), request.GET.get("s", "").strip()[:LONGEST_TERM]
    if not term:
        return HttpResponse()
    found = Paginator([*pages(request, term), *search(request, term), *in_results(request, term)], 100)
    helper = "command_results" if "extended" in request.GET else "search_results"
    context = {
        "page_obj": found,
        "results": found.get_page(request.GET.get("page")),
        "page_counter": 0,
        "execution_time": time.monotonic() - began,
        "command_show_history": False,
    }
    told = {"HX-Trigger": "search"}
    return TemplateResponse(request, f"unfold/helpers/{helper}.html", context, headers=told)


def pages(request: HttpRequest, term: str) -> list[SearchResult]:
    """Entries of the reader's own sidebar."""
    items = [(item, group.get("title") or "Page") for group in navigation(request) for item in group["items"]]
    return [
        SearchResult(title=item["title"], description=title, link=str(item["link"]), icon=item["icon"])
        for item, title in items
        if term.lower() in item["title"].lower()
    ]


def search(request: HttpRequest, term: str) -> list[SearchResult]:
    """What this person may see and ``term`` names, the newest of each kind first."""
    found = []
    for model, model_admin in sorted(admin.site._registry.items(), key=lambda item: _order(item[0])):
        if not model_admin.get_search_fields(request) or not model_admin.has_view_permission(request):
            continue
        rows, _ = model_admin.get_search_results(request, model_admin.get_queryset(request), term)
        meta = model._meta
        if related := model_admin.list_select_related:
            rows = rows.select_related(*related) if isinstance(related, list | tuple) else rows
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


def in_results(request: HttpRequest, term: str) -> Iterator[SearchResult]:
    """Rows of results that name it, such as the id by which a report calls a partner.

    Only in the newest plan of each command on each program: it is the one that people work with.
    """
    if len(term) < SHORTEST_IN_RESULTS or not request.user.has_perm("plans.view_plan"):
        return
    newest = visible_plans(request.user).order_by().values("program", "command").annotate(last=Max("pk"))
    plans = sorted((row["last"] for row in newest), reverse=True)[:MOST_RESULTS_READ]
    written = Q(payload__rows__icontains=term) | Q(payload__rows__icontains=json.dumps(term)[1:-1])
    tables = Artifact.objects.filter(written, plan__in=plans, kind__in=TABLES, superseded_at=None)
    tables = tables.select_related("plan__program").defer(*(f"plan__{name}" for name in PLAN_DOCUMENTS))
    for table in tables.defer("payload").order_by("-plan", "position")[:MOST_OF_A_KIND]:
        at = reverse("admin:plans_plan_table", args=[table.plan_id, table.pk])
        yield SearchResult(
            title=f"“{term}” in {table.title}",
            description=f"{table.plan.objective} · {table.plan.plan_id}",
            link=f"{at}?{urlencode({'q': term})}",
            icon="table_rows",
        )


def _plan_of(row: Model) -> str:
    """The number of the plan it belongs to: many plans have a “Finance approval”."""
    plan: Any = getattr(row, "plan", None)
    return plan.plan_id if plan else ""


def _order(model: type) -> tuple[int, str]:
    name = model._meta.model_name
    return (FIRST.index(name) if name in FIRST else len(FIRST), name)
