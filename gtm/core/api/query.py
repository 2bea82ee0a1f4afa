"""The question after the "?": what a list does not know is refused, not ignored."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from rest_framework.request import Request

from gtm.core.errors import InvalidInput, Problem

FIELDS = "fields"
ABOUT_FIELDS = "Names of properties, with commas between them: of each object, only these are told"
ALWAYS = ("page", "page_size", "ordering", "cursor", FIELDS)


def check_query(request: Request, view: Any) -> None:
    """Raise InvalidInput with every unknown filter, filter value and ordering."""
    filters = _filters(view)
    known = (*filters, *ALWAYS, *(("search",) if getattr(view, "search_fields", None) else ()))
    problems: list[Problem] = []
    for name in request.query_params:
        if name not in known:
            message = "there is no such filter."
            problems.append(Problem(name, message, known, _nearest(name, known), "unknown"))
        elif name.endswith("__in"):
            problems += _unknown_values(view, name, request.query_params[name])
    problems += _unknown_orderings(view, request.query_params.get("ordering", ""))
    if "cursor" in request.query_params:
        beside = [name for name in ("page", "ordering") if name in request.query_params]
        problems += [Problem(name, "does not go with a cursor, which has its own order.") for name in beside]
    if problems:
        raise InvalidInput("The parameters of this list are wrong.", problems=problems)


def wanted_fields(request: Request, known: Iterable[str]) -> tuple[str, ...]:
    """The properties that ``fields=`` names, empty for all. Raises InvalidInput for those there are not."""
    names = [name.strip() for name in request.query_params.get(FIELDS, "").split(",") if name.strip()]
    there = tuple(known)
    problems = [
        Problem(FIELDS, f"“{name}” is unknown.", there, _nearest(name, there), "unknown")
        for name in names
        if name not in there
    ]
    if problems:
        raise InvalidInput("There is no such property.", problems=problems)
    return tuple(names)


def _filters(view: Any) -> tuple[str, ...]:
    if filters := getattr(view, "filterset_class", None):
        return tuple(filters.base_filters)
    declared = getattr(view, "filterset_fields", ())
    if isinstance(declared, dict):
        return tuple(
            field if lookup == "exact" else f"{field}__{lookup}"
            for field, lookups in declared.items()
            for lookup in lookups
        )
    return tuple(declared)


def _unknown_values(view: Any, name: str, given: str) -> list[Problem]:
    """django-filter checks the choices of an exact match, not those of a list."""
    try:
        field = view.get_queryset().model._meta.get_field(name.removesuffix("__in"))
    except FieldDoesNotExist:
        return []
    allowed = tuple(value for value, _ in field.choices or ())
    unknown = [value for value in given.split(",") if allowed and value not in allowed]
    return [Problem(name, f"“{v}” is unknown.", allowed, _nearest(v, allowed)) for v in unknown]


def _unknown_orderings(view: Any, given: str) -> list[Problem]:
    allowed = tuple(getattr(view, "ordering_fields", ()))
    names = [name.strip().removeprefix("-") for name in given.split(",") if name.strip()]
    unknown = [name for name in names if name not in allowed]
    return [Problem("ordering", f"“{n}” is unknown.", allowed, _nearest(n, allowed)) for n in unknown]


def _nearest(word: str, vocabulary: tuple[str, ...]) -> str:
    return next(iter(difflib.get_close_matches(word, vocabulary, n=1)), "")
