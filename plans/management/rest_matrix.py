"""Every address of REST and who may use it: from what views, scopes and acts declare. For the document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import groupby
from typing import Any

from django.apps import apps
from django.db.models import Q
from drf_spectacular.generators import EndpointEnumerator
from rest_framework.permissions import SAFE_METHODS, DjangoModelPermissions

from gtm.core.api.views import Needs
from plans.management.matrices import BY_HAND, table
from plans.management.rest_acts import (
    ACTS,
    ASKED,
    CONTACT,
    CRUD,
    OWNER,
    PROPOSER,
    READ,
    THEMSELVES,
    Act,
)
from plans.standard.groups import GROUPS
from programs.api.insiders import ForOurPeople, OurPeople

PREFIX = "/api/v1/"
OPEN = {"password": 400, "hook": 401}
"""Addresses that ask for no account: a password, or a signature, is in the request."""
OTHERS = frozenset(
    {
        *("plan", "task", "approval", "escalation", "reading", "ripcord", "break-glass", "fraud-case"),
        *("attribution", "dispute", "schedule", "scheduled-run", "notification", "token", "dataset"),
        *("program", "tier", "benefit", "lifecycle-trigger", "partner", "campaign", "experiment"),
        *("launch-profile", "load-profile"),
    }
)
"""What is asked for twice: an object of the caller's own program, partner or account, and one of another."""


@dataclass(frozen=True, slots=True)
class RestCaller:
    """Somebody who asks: of a group, and perhaps more to the objects of their own program."""

    name: str
    heading: str
    group: str = ""
    relations: frozenset[str] = frozenset()
    is_service: bool = False
    has_scope: bool = True
    is_contact: bool = False

    @property
    def permissions(self) -> frozenset[str]:
        return permissions_of(self.group)


def _caller(name: str, heading: str, group: str = "", *relations: str, **told: Any) -> RestCaller:
    mine = relations if told.get("is_service") else (*relations, THEMSELVES)
    return RestCaller(name, heading, group, frozenset(mine), **told)


CALLERS = (
    RestCaller("anonymous", "Nobody"),
    _caller("no-group", "No group"),
    _caller("operations", "Operations", "Operations", PROPOSER),
    _caller("analysts", "Analysts", "Analysts", OWNER),
    _caller("approvers", "Approvers", "Approvers", ASKED),
    _caller("stewards", "Stewards", "Stewards"),
    _caller("auditors", "Auditors", "Auditors"),
    _caller("administrators", "Admin.", "Administrators"),
    _caller("contact", "Contact", "Partner contacts", CONTACT, is_contact=True),
    _caller("contact-in-operations", "Contact +", "Operations", CONTACT, is_contact=True),
    _caller("service", "Service", "Operations", is_service=True),
    _caller("service-without-scope", "Service −", "Operations", is_service=True, has_scope=False),
)


@cache
def permissions_of(group: str) -> frozenset[str]:
    """Every permission of a group as an installation begins, without asking a database."""
    if not group:
        return frozenset()
    return frozenset(
        f"{model._meta.app_label}.{name}"
        for model in apps.get_models()
        for name in _codenames(model)
        if _holds(GROUPS[group], model._meta.app_label, name)
    )


def _codenames(model: Any) -> list[str]:
    meta = model._meta
    return [f"{verb}_{meta.model_name}" for verb in meta.default_permissions] + [
        n for n, _ in meta.permissions
    ]


def _holds(question: Q, app_label: str, codename: str) -> bool:
    """Whether a permission meets the question that selects those of a group."""
    if question.negated:
        raise ValueError("a group is what it has, not what it has not")
    parts: list[Any] = question.children
    found = [
        _holds(part, app_label, codename)
        if isinstance(part, Q)
        else _meets(part[0], part[1], app_label, codename)
        for part in parts
    ]
    return any(found) if question.connector == Q.OR else all(found)


def _meets(lookup: str, wanted: Any, app_label: str, codename: str) -> bool:
    name, _, how = lookup.rpartition("__")
    if how in ("app_label", "codename", ""):
        name, how = lookup, "exact"
    value = codename if name == "codename" else app_label
    answers: dict[str, Callable[[], bool]] = {
        "exact": lambda: value == wanted,
        "in": lambda: value in wanted,
        "startswith": lambda: value.startswith(wanted),
        "regex": lambda: re.search(wanted, value) is not None,
    }
    return answers[how]()


@dataclass(frozen=True)
class Operation:
    """A method of an address, with the view that answers it."""

    path: str
    method: str
    view: Any
    action: str
    basename: str

    @property
    def key(self) -> str:
        return f"{self.basename}.{self.action}"

    @property
    def is_of_one(self) -> bool:
        return self.basename in OTHERS and "{" in self.path

    @cached_property
    def act(self) -> Act:
        """What it takes beyond the door. Raises LookupError for an act that is declared nowhere."""
        if self.method == "GET" or self.basename in OPEN and self.action == "post":
            return READ
        if found := ACTS.get(self.key) or CRUD.get(self.action):
            return found
        raise LookupError(f"{self.key} is declared nowhere: say in rest_acts who may do it")

    @cached_property
    def door(self) -> tuple[tuple[str, ...], ...]:
        """What the view asks for before it looks at anything: of each, one permission."""
        found: list[tuple[str, ...]] = []
        for asked in self.view.permission_classes:
            if issubclass(asked, DjangoModelPermissions):
                found += [(name,) for name in asked().get_required_permissions(self.method, self._model)]
            elif issubclass(asked, Needs) and (asked.to_read or self.method not in SAFE_METHODS):
                found.append(asked.any_of)
        return tuple(found)

    @property
    def _model(self) -> Any:
        return self.view.queryset.model

    @cached_property
    def scope(self) -> str:
        """The scope that a token needs, as ``check_scope`` asks for it."""
        if self.basename in OPEN:
            return ""
        named: str = getattr(self.view, "scopes", {}).get(self.action, "")
        return named or ("read" if self.method in SAFE_METHODS else getattr(self.view, "scope", "admin"))

    def sees(self, caller: RestCaller, own: bool) -> bool:
        """Whether the object is there for the caller at all."""
        if self.basename == "notification-preference":
            return not caller.is_service
        if "{" not in self.path:
            return True
        if self.key == "plan.backlog":
            return False  # the plans of the test have none
        if self.basename == "notification":
            return own and not caller.is_service
        if self.basename == "token":
            return own or "core.view_accesstoken" in caller.permissions
        if self.basename in ("attribution", "dispute"):
            view = {"attribution": "plans.view_attributionrecord", "dispute": "plans.view_dispute"}
            return own if caller.is_contact else view[self.basename] in caller.permissions
        if caller.is_contact:
            return not issubclass(self.view, ForOurPeople)
        return True

    @property
    def is_ours(self) -> bool:
        """Whether it is closed to whoever speaks for a partner, as ``programs.api.insiders`` says."""
        if issubclass(self.view, ForOurPeople):
            return "{" not in self.path and self.action != "list"
        return OurPeople in self.view.permission_classes

    def expected(self, caller: RestCaller, own: bool = True) -> int:
        """The status of a valid request of the caller on an object of its own program, or of another."""
        if self.basename in OPEN:
            return OPEN[self.basename]
        if caller.name == "anonymous":
            return 401
        held = caller.permissions
        if not all(held & {*any_of} for any_of in self.door) or not caller.has_scope:
            return 403
        if caller.is_contact and self.is_ours:
            return 403
        if not self.sees(caller, own):
            return 404
        if not self._may(caller, held, own):
            return 403
        return caller.is_service and self.act.to_services or self.act.status

    def _may(self, caller: RestCaller, held: frozenset[str], own: bool) -> bool:
        act = self.act
        if act.in_session and caller.is_service:
            return False
        asked = bool(act.any_of or act.relation)
        is_known = own and act.relation in caller.relations
        return (not asked or bool(held & {*act.any_of}) or is_known) and held >= {*act.all_of}


def operations() -> Iterator[Operation]:
    """Every address of ours under /api/v1/, in their order; those of the document itself are left out."""
    endpoints: Any = EndpointEnumerator()  # the library has no types
    for path, _, method, callback in endpoints.get_api_endpoints():
        view = callback.cls
        if not path.startswith(PREFIX) or not view.__module__.startswith(("plans.", "programs.", "gtm.core")):
            continue
        kept: Mapping[str, Any] = getattr(callback, "initkwargs", {})
        action = getattr(callback, "actions", {}).get(method.lower())
        action = action or getattr(view, "action", None) or method.lower()
        if "permission_classes" in kept:
            view = type(view.__name__, (view,), {"permission_classes": kept["permission_classes"]})
        yield Operation(path.removeprefix(PREFIX), method, view, action, kept.get("basename") or _name(path))


def _name(path: str) -> str:
    """What a single view is called: its address."""
    return {"hooks": "hook", "token": "password"}.get(first := path.removeprefix(PREFIX).split("/")[0], first)


def rest_matrix() -> str:
    """The document: a table for each kind of object, a row for each method, a column for each caller."""
    lines = ["# Who may do what over REST", "", BY_HAND, *INTRODUCTION, ""]
    headings = ["Request", "Needs", "Scope", *(caller.heading for caller in CALLERS)]
    for name, found in groupby(operations(), key=lambda operation: operation.path.split("/")[0]):
        lines += [f"## {name}", "", *table(headings, map(_row, found)), ""]
    return "\n".join(lines)


INTRODUCTION = (
    "Each cell is the status that a request gets. A test makes every one of these requests, and fails where",
    "an answer is another. Two numbers are of an object of the caller’s own program, partner or account, and",
    "of an object of another one.",
    "",
    "- *Nobody* is not logged in. *No group* is an account of ours that is in no group. The groups are those",
    "  that every installation begins with.",
    "- *Analysts* own the task of their own plan. *Approvers* are asked at the gate of their own plan, and",
    "  their authority is for programs of that kind. *Operations* made the proposals.",
    "- *Contact* speaks for a partner. *Contact +* does so, too, and somebody has put the account into",
    "  Operations, which should never happen.",
    "- *Service* is a service account in Operations with a token of every scope; *Service −* has every scope",
    "  but the one that the request needs.",
    "",
    "200, 201, 202 and 204 are successes. 400 says that the door is open: the body of the request is empty,",
    "and is then refused. 401, 403 and 404 are refusals: who are you, you may not, there is no such object.",
)


def _row(operation: Operation) -> list[str]:
    cells = []
    for caller in CALLERS:
        own = operation.expected(caller)
        other = operation.expected(caller, own=False) if operation.is_of_one else own
        cells.append(str(own) if own == other else f"{own} / {other}")
    door = [" or ".join(f"`{name}`" for name in any_of) for any_of in operation.door]
    words = operation.act.words
    needs = "; ".join([*door, *([words] if words else [])])
    note = f" ({operation.act.note})" if operation.act.note else ""
    return [f"{operation.method} {operation.path}{note}", needs, operation.scope, *cells]
