"""What a list shows of the views that its reader has saved, and how it opens for them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseRedirect

from gtm.core import saved_views
from gtm.core.models import SavedView


def opened(request: HttpRequest) -> HttpResponseRedirect | None:
    """To the reader's default view, where they ask for nothing else."""
    match = request.resolver_match
    if request.method != "GET" or request.GET or match is None:
        return None
    view = SavedView.objects.filter(user=request.user.pk, page=match.url_name, is_default=True).first()
    return HttpResponseRedirect(saved_views.address(view)) if view else None


def without_mark(request: HttpRequest) -> None:
    """A list of a model takes every parameter for a filter, so this one is taken away."""
    if saved_views.SHOWN in request.GET:
        request.GET = request.GET.copy()  # type: ignore[assignment]
        request.GET.pop(saved_views.SHOWN)  # type: ignore[misc]


def shown(request: HttpRequest) -> dict[str, Any]:
    """For the template: the reader's views of this page, which one is open, and what would be saved."""
    match = request.resolver_match
    name = (match.url_name or "") if match else ""
    query = saved_views.kept(request.GET.urlencode())
    views = [
        {"name": view.name, "url": saved_views.address(view), "is_open": view.query == query}
        for view in SavedView.objects.filter(user=request.user.pk, page=name)
    ]
    return {"page": name, "query": query, "views": views, "longest": saved_views.LONGEST_NAME}
