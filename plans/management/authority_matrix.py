"""What changes who may decide, by whom, and through which doors: written from the code, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from gtm.core.admin import GovernedAdmin
from plans.management.matrices import BY_HAND, table
from programs.schemas.authority import AUTHORITY, NAMES_ONLY, TWO

PAGE, INLINE, LIST, FILE, VERSION, REST, COMMAND = (
    "page", "inline", "list edit", "file", "earlier version", "REST", "command line",
)  # fmt: skip
DOORS = (PAGE, INLINE, LIST, FILE, VERSION, REST, COMMAND)
COMMANDS = {"auth.user": ("createsuperuser", "changepassword"), "programs.rotaoverride": ("rota",)}
"""Django's own commands act as nobody: what they change is marked as single-handed. Ours act as somebody."""


def doors_of(label: str) -> dict[str, str]:
    """Door → what can be done there with objects of a model; empty where it does not offer them."""
    model = apps.get_model(label)
    return {
        PAGE: ", ".join(_on_pages(model)),
        INLINE: ", ".join(sorted(_inlines_of(model))),
        LIST: ", ".join(getattr(admin.site._registry.get(model), "list_editable", ())),
        FILE: "add, change" if _has_import(model) else "",
        VERSION: "change" if _has_versions(model) else "",
        REST: ", ".join(_over_rest(model)),
        COMMAND: ", ".join(COMMANDS.get(label, ())),
    }


def authority_matrix() -> str:
    """Every field that says who may decide: what it takes to change it, and where that is offered."""
    lines = ["# Who changes who may decide", "", BY_HAND, *_INTRODUCTION, "", "## Doors", ""]
    lines += ["What each door offers. None of them makes a gain without a second person.", ""]
    lines += table(
        ["Object", "Permission", *DOORS],
        [
            [_name(label), f"{label.split('.')[0]}.change_{label.split('.')[1]}", *doors_of(label).values()]
            for label in AUTHORITY
        ],
    )
    lines += ["", "## Fields", ""]
    for label, fields in AUTHORITY.items():
        lines += [f"### {_name(label)}", ""]
        rows = [
            [name.replace("_", " "), weight.by, weight.why, weight.one_person_when]
            for name, weight in fields.items()
        ]
        lines += [*table(["Field", "Takes", "What it says", "One person where"], rows), ""]
    lines += ["## Links that let nobody decide", ""]
    lines += table(["Link", "Why"], [[name, why] for name, why in NAMES_ONLY.items()])
    two = sum(weight.by == TWO for weight in chain.from_iterable(f.values() for f in AUTHORITY.values()))
    lines += ["", f"{two} fields take two people. Policies, seats and ladders have a machine of their own:"]
    lines += ["[permissions](permission-matrix.md). Fallback lists are declared with a command.", ""]
    return "\n".join(lines)


_INTRODUCTION = (
    "A gain waits: it is proposed, and made when a second person agrees, who is neither the one who proposed",
    "it, nor one whose authority it concerns, nor one who asked for or edited an open plan that it touches.",
    "A loss holds at once. Where nobody else could agree, the change is made and marked as *single-handed*",
    "until a second person confirms it. All doors come to one guard, `programs.models.two_people`.",
)


def _name(label: str) -> str:
    return str(apps.get_model(label)._meta.verbose_name.capitalize())


def _request() -> Any:
    request = RequestFactory().get("/")
    request.user = get_user_model()(is_superuser=True, is_active=True, is_staff=True)
    return request


def _on_pages(model: Any) -> Iterator[str]:
    known = admin.site._registry.get(model)
    for verb in ("add", "change", "delete") if known else ():
        if getattr(known, f"has_{verb}_permission")(_request()):
            yield verb


def _inlines_of(model: Any) -> set[str]:
    return {
        f"of {owner._meta.verbose_name}"
        for owner, known in admin.site._registry.items()
        for inline in known.inlines
        if inline.model is model
    }


def _has_import(model: Any) -> bool:
    known = admin.site._registry.get(model)
    return isinstance(known, GovernedAdmin) and bool(known.has_import_permission(_request()))


def _has_versions(model: Any) -> bool:
    known = admin.site._registry.get(model)
    return isinstance(known, GovernedAdmin) and bool(known.has_change_permission(_request()))


def _over_rest(model: Any) -> list[str]:
    sets = {view for view in _views(get_resolver()) if _model_of(view) is model}
    verbs = {"create": "add", "update": "change", "destroy": "delete"}
    return [said for name, said in verbs.items() if any(hasattr(view, name) for view in sets)]


def _views(found: URLResolver | URLPattern) -> Iterator[type]:
    """The classes of REST that addresses lead to."""
    if isinstance(found, URLResolver):
        yield from chain.from_iterable(map(_views, found.url_patterns))
    elif (view := getattr(found.callback, "cls", None)) is not None:
        yield view


def _model_of(view: type) -> Any:
    return getattr(getattr(view, "queryset", None), "model", None)
