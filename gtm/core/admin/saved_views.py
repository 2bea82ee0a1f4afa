"""Saved views on the pages: those of a list beside its filters, and all of them in one's own account."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from gtm.core import saved_views
from gtm.core.admin.base import tell
from gtm.core.errors import GtmError
from gtm.core.models import SavedView


def page(request: HttpRequest) -> HttpResponse:
    """The views of whoever looks, by page; a form of theirs saves, renames, deletes or makes a default."""
    if request.method == "POST":
        try:
            return HttpResponseRedirect(_done(request))
        except GtmError as error:
            tell(request, error)
            return HttpResponseRedirect(reverse("saved_views"))
    titles = saved_views.pages()
    rows = [
        {"view": view, "title": titles[view.page], "url": saved_views.address(view)}
        for view in SavedView.objects.filter(user=request.user.pk)
        if view.page in titles
    ]
    context = {**admin.site.each_context(request), "title": "Saved views", "rows": rows}
    return TemplateResponse(request, "gtm/saved_views.html", context)


def _done(request: HttpRequest) -> str:
    """Do what the form asks. Answers where to go on: always a page of this site that we name."""
    asked, user = request.POST, request.user
    number = asked.get("saved", "")
    pk = int(number) if number.isdigit() and len(number) < 10 else 0
    act = asked.get("act", "")
    if act == "save":
        made = saved_views.save(
            user,
            asked.get("page", ""),
            asked.get("name", ""),
            asked.get("query", ""),
            is_default="is_default" in asked,
        )
        messages.success(request, f"Saved as “{made.name}”. Your saved views are in your account.")
        return saved_views.address(made)
    acts: dict[str, tuple[Any, str]] = {
        "default": (lambda: saved_views.make_default(user, pk), "“{}” is how this page opens from now on."),
        "no-default": (lambda: saved_views.end_default(user, pk), "“{}” is no longer how its page opens."),
        "rename": (lambda: saved_views.rename(user, pk, asked.get("name", "")), "It is called “{}” now."),
        "delete": (lambda: saved_views.delete(user, pk), "“{}” is deleted."),
    }
    if act in acts:
        do, said = acts[act]
        messages.success(request, said.format(do().name))
    return reverse("saved_views")
