"""Kinds of cases: what a package of ``plans/cases/`` declares, and the registry everybody asks.

A case is a question that people decide beside the tasks of a plan. Engine, export, pages and REST know that
there are kinds and ask here; none of them knows one by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.apps import apps

from gtm.core.fsm import Machine


class BadCaseKind(ValueError):
    """A kind that must not be registered; the message lists all that is wrong."""


def _always(obj: Any) -> bool:
    return True


def _no_facts(obj: Any) -> dict[str, Any]:
    return {}


def _stands(notice: Any, obj: Any, person: Any) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class WaitingCase:
    """A case that waits for the person who looks, as the inbox lists it.

    ``called`` says what ``obj`` is where it is no case yet: something that may become one. ``about`` is the
    program or the campaign: many of one are one line.
    """

    obj: Any
    title: str
    detail: str
    called: str = ""
    about: str = ""

    @property
    def page(self) -> str:
        """Name of the page in the admin; its argument is the key of ``obj``."""
        return f"admin:{self.obj._meta.app_label}_{self.obj._meta.model_name}_change"


@dataclass(frozen=True, slots=True)
class DocumentSection:
    """A part of the plan JSON: its key, what it says of a plan, and its JSON Schema in a file.

    ``rows`` is the name of the plan's rows it tells of: of a plan that has none it is empty.
    """

    key: str
    rows: str
    build: Callable[[Any], list[dict[str, Any]]]
    schema: Path
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class CaseNotice:
    """A notice about cases of one kind: when, whom, in which words, and whether it still has a point.

    ``about`` is what it is about where that is no case yet but may become one, written ``app.name``.

    ``kind`` is a value of NoticeKind, by which people choose their channels; ``events`` are (event, field)
    of rows of the change log. ``recipients(notice, obj)`` are people, ``wording(notice, obj)`` is the
    subject with the sentences, ``pointless`` as in ``plans.engine.notices.addressing``.
    """

    kind: str
    events: frozenset[tuple[str, str]]
    recipients: Callable[[Any, Any], list[Any]]
    wording: Callable[[Any, Any], tuple[str, tuple[str, ...]]]
    pointless: Callable[[Any, Any, Any], str | None] = _stands
    applies: Callable[[Any], bool] = _always
    facts: Callable[[Any], dict[str, Any]] = _no_facts
    about: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """A view set of REST, named as ``package.module:Class`` and loaded with the routes."""

    prefix: str
    view_set: str
    basename: str


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the sidebar: the list of ``model``, written ``app.name``."""

    title: str
    icon: str
    model: str


@dataclass(frozen=True, slots=True)
class CaseKind:
    """All that one kind of case brings along. ``pages`` is the module that registers its admin."""

    name: str
    title: str
    machine: Machine
    pages: str
    waiting: Callable[[Any, set[int], int], list[WaitingCase]]
    """(user, keys of the people behind it, the most) → what they can act on now, the most urgent first."""
    of_plan: Callable[[Any, Any], Any] | None = None
    """(plan, user) → the cases of the plan that the user may see, as a query set; open ones first."""
    sections: tuple[DocumentSection, ...] = ()
    notices: tuple[CaseNotice, ...] = ()
    told_while: frozenset[str] = frozenset()
    """States in which a notice not yet delivered still has a point; in any other it is withdrawn."""
    routes: tuple[Route, ...] = ()
    navigation: tuple[Place, ...] = ()
    permissions: tuple[str, ...] = ()
    """What an account needs to act, ``app.codename``, as the model of the machine declares it."""

    @property
    def entity(self) -> str:
        return self.machine.model._meta.label_lower


_kinds: dict[str, CaseKind] = {}


def register(kind: CaseKind) -> CaseKind:
    """Raises BadCaseKind with every fault."""
    if found := list(faults(kind)):
        raise BadCaseKind(f"{kind.name}: " + "; ".join(found))
    _kinds[kind.name] = kind
    return kind


def faults(kind: CaseKind) -> Iterable[str]:
    """Everything wrong with a declaration, a sentence each."""
    others = [other for other in _kinds.values() if other.name != kind.name]
    if kind.name in _kinds:
        yield "a kind of this name is registered already"
    if kind.entity in {other.entity for other in others}:
        yield f"{kind.entity} is the case of another kind"
    taken = {section.key for other in others for section in other.sections}
    for section in kind.sections:
        if section.key in taken:
            yield f"section {section.key} is taken"
        taken.add(section.key)
        if not section.schema.is_file():
            yield f"section {section.key} has no schema at {section.schema.name}"
    prefixes = {route.prefix for other in others for route in other.routes}
    for route in kind.routes:
        if route.prefix in prefixes:
            yield f"route {route.prefix} is taken"
        prefixes.add(route.prefix)
    yield from _notice_faults(kind)
    meta = kind.machine.model._meta
    declared = {f"{meta.app_label}.{codename}" for codename, _ in meta.permissions}
    yield from (f"{meta.label} declares no permission {p}" for p in kind.permissions if p not in declared)
    known = {model._meta.label_lower for model in apps.get_models()}
    yield from (f"there is no model {p.model}" for p in kind.navigation if p.model not in known)


def _notice_faults(kind: CaseKind) -> Iterable[str]:
    for about in sorted({notice.about for notice in kind.notices}):
        told = [notice for notice in kind.notices if notice.about == about]
        kinds = [str(notice.kind) for notice in told]
        yield from (f"notice {name} is declared twice" for name in sorted({*kinds}) if kinds.count(name) > 1)
        events = [event for notice in told for event in notice.events]
        yield from (f"two notices follow {event}" for event in sorted({*events}) if events.count(event) > 1)
        known = {"created", "changed", *(kind.machine.by_name if not about else ())}
        yield from (f"no row of the change log is called {name}" for name, _ in events if name not in known)
    if unknown := sorted(kind.told_while - set(kind.machine.states)):
        yield f"told_while names unknown states {unknown}"


def all_kinds() -> tuple[CaseKind, ...]:
    """In the order of their registration, which is the order in the sidebar."""
    return tuple(_kinds.values())


def kind_of(entity: str) -> CaseKind | None:
    """The kind whose cases are ``entity``, written ``app.name``; None where they are no cases."""
    return next((kind for kind in _kinds.values() if kind.entity == entity), None)


def sections() -> Iterator[DocumentSection]:
    return (section for kind in _kinds.values() for section in kind.sections)


def routes() -> Iterator[Route]:
    return (route for kind in _kinds.values() for route in kind.routes)


def navigation() -> Iterator[Place]:
    return (place for kind in _kinds.values() for place in kind.navigation)


def states_told(fixed: Mapping[str, frozenset[str]], entity: str) -> frozenset[str] | None:
    """The states of ``entity`` in which there is something to tell: of ``fixed``, else of its kind."""
    if entity in fixed:
        return fixed[entity]
    kind = kind_of(entity)
    return kind.told_while if kind and kind.notices else None


def notice_after(entity: str, event: str, field: str) -> CaseNotice | None:
    """The notice that a row of the change log calls for."""
    return next((n for n in _notices_about(entity) if (event, field) in n.events), None)


def notice_about(entity: str, notice_kind: str) -> CaseNotice | None:
    """The notice of that kind about cases of ``entity``, or about what may become one."""
    return next((n for n in _notices_about(entity) if n.kind == notice_kind), None)


def _notices_about(entity: str) -> Iterator[CaseNotice]:
    return (n for kind in _kinds.values() for n in kind.notices if (n.about or kind.entity) == entity)
