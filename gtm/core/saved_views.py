"""Views of lists that a person saves in their account: nobody else sees, opens or changes them.

A view is the name of a page and a query, never an address. Where it leads is made from both when it is
opened, so that it leads nowhere else.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import QueryDict
from django.urls import reverse
from django.utils.text import capfirst

from gtm.core.errors import GuardNotMet, NotFound
from gtm.core.models import SavedView

MOST = 50
"""Of one person."""
LONGEST_NAME = SavedView._meta.get_field("name").max_length or 0
LONGEST_QUERY = SavedView._meta.get_field("query").max_length or 0
SHOWN = "view"
"""The parameter by which a page is opened without the default: it filters nothing."""
OF_ONE_LOOK = (SHOWN, "p", "e", "_popup", "_to_field", "_changelist_filters")
_others: dict[str, str] = {}


def offer(page: str, title: str) -> None:
    """A page of the admin that is no list of a model may have saved views as well."""
    _others[page] = title


def pages() -> dict[str, str]:
    """Name of the address → title, of every page whose views may be saved."""
    lists = {
        f"{model._meta.app_label}_{model._meta.model_name}_changelist": capfirst(
            str(model._meta.verbose_name_plural)
        )
        for model in admin.site._registry
    }
    return lists | _others


def address(view: SavedView) -> str:
    """Where a view is opened: the page it was saved on, with its query."""
    at = reverse(f"admin:{view.page}")
    return f"{at}?{view.query}" if view.query else f"{at}?{SHOWN}=all"


def kept(query: str) -> str:
    """The part of a query that a view keeps: not the number of a page, nor how it was opened."""
    found = QueryDict(query, mutable=True)
    for name in OF_ONE_LOOK:
        found.pop(name, None)
    return found.urlencode()


def save(user: Any, page: str, name: str, query: str, *, is_default: bool = False) -> SavedView:
    """Keep a view, in place of the one of the same name.

    Raises NotFound for a page that has none, and GuardNotMet for a name or a query that cannot be kept.
    """
    if page not in pages():
        raise NotFound("Views of this page cannot be saved.")
    name, query = " ".join(name.split()), kept(query)
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise GuardNotMet(f"Give the view a name of up to {LONGEST_NAME} letters.")
    if len(query) > LONGEST_QUERY:
        raise GuardNotMet("This filter is too long to be saved.")
    own = SavedView.objects.filter(user=user)
    with transaction.atomic():
        view = own.filter(page=page, name=name).first()
        if view is None and own.count() >= MOST:
            raise GuardNotMet(f"You have {MOST} saved views, which is the most. Delete one first.")
        view = view or SavedView(user=user, page=page, name=name)
        view.query = query
        view.save()
        return make_default(user, view.pk) if is_default else view


@transaction.atomic
def make_default(user: Any, pk: int) -> SavedView:
    """Open the page of this view with it from now on. Raises NotFound for the view of somebody else."""
    view = _own(user, pk)
    SavedView.objects.filter(user=user, page=view.page, is_default=True).update(is_default=False)
    view.is_default = True
    view.save(update_fields=["is_default"])
    return view


def end_default(user: Any, pk: int) -> SavedView:
    """Open the page of this view as everybody sees it. Raises NotFound for the view of somebody else."""
    view = _own(user, pk)
    view.is_default = False
    view.save(update_fields=["is_default"])
    return view


def rename(user: Any, pk: int, name: str) -> SavedView:
    """Raises NotFound for the view of somebody else, GuardNotMet for a name that is taken or cannot be."""
    view, name = _own(user, pk), " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise GuardNotMet(f"Give the view a name of up to {LONGEST_NAME} letters.")
    if SavedView.objects.filter(user=user, page=view.page, name=name).exclude(pk=pk).exists():
        raise GuardNotMet(f"You have a view “{name}” of this page already.")
    view.name = name
    view.save(update_fields=["name"])
    return view


def delete(user: Any, pk: int) -> SavedView:
    """Raises NotFound for the view of somebody else."""
    view = _own(user, pk)
    view.delete()
    return view


def _own(user: Any, pk: int) -> SavedView:
    found = SavedView.objects.filter(user=user, pk=pk).first()
    if found is None:
        raise NotFound("You have no such view.")
    return found
