"""Errors of the REST interface as RFC 9457 ``application/problem+json``, one entry a bad field."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, IntegrityError
from django.db.models import ProtectedError, RestrictedError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as rest_exception_handler
from rest_framework.views import set_rollback

from gtm.core.errors import GtmError, Problem

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: every refusal becomes a problem document; a defect stays a 500 without a traceback."""
    if isinstance(error, GtmError):
        set_rollback()
        return _response(of_error(error), error.status)
    if isinstance(error, exceptions.ValidationError):
        set_rollback()
        problems = list(_flatten(error.detail))
        return _response(_body(400, "invalid_input", "The input is not valid", "", problems), 400)
    response = rest_exception_handler(error, context)
    if response is None:
        if not isinstance(error, IntegrityError):
            logger.error("a REST call failed", exc_info=error)
        set_rollback()
        if isinstance(error, IntegrityError):
            return _response(of_conflict(error), 409)
        if isinstance(error, DatabaseError):
            body = _body(503, "unavailable", "The database did not answer", "Try again in a moment.")
            return _response(body, 503)
        body = _body(500, "defect", "Something went wrong on our side", "It is in the server's log.")
        return _response(body, 500)
    code = getattr(error, "default_code", "") or type(error).__name__.lower()
    detail = response.data.get("detail", "") if isinstance(response.data, dict) else ""
    headers = {k: v for k, v in response.items() if k.lower() not in ("content-type", "content-length")}
    body = _body(response.status_code, str(code), _title(error), str(detail))
    return _response(body, response.status_code, headers)


def of_conflict(error: IntegrityError) -> dict[str, Any]:
    """What the database's constraints refuse: something else depends on it, or stands in its place."""
    if isinstance(error, ProtectedError | RestrictedError):
        kept = getattr(error, "protected_objects", None) or getattr(error, "restricted_objects", ())
        kinds = sorted({str(obj._meta.verbose_name_plural) for obj in kept})
        detail = f"Other objects depend on it: {', '.join(kinds)}. Nothing was deleted."
        return _body(409, "in_use", "It is in use", detail)
    detail = "It would clash with another object; nothing was written."
    return _body(409, "conflict", "It clashes with another object", detail)


def of_error(error: GtmError) -> dict[str, Any]:
    body = _body(error.status, error.code, error.title, error.detail, error.problems)
    return body | ({"hint": error.hint} if error.hint else {}) | {k: v for k, v in error.params.items() if v}


def _body(status: int, code: str, title: str, detail: str, problems: Any = ()) -> dict[str, Any]:
    body: dict[str, Any] = {"type": f"urn:gtm-governance:problem:{code}", "title": title, "status": status}
    if detail:
        body["detail"] = detail
    if problems:
        body["errors"] = [{**p.as_dict(), "message": p.message, "detail": p.sentence()} for p in problems]
    return body


def _response(body: dict[str, Any], status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status=status, headers=headers, content_type=MEDIA_TYPE)


def _title(error: Exception) -> str:
    if isinstance(error, Http404):
        return "There is no such object"
    if isinstance(error, PermissionDenied | exceptions.PermissionDenied):
        return "You are not allowed to do this"
    return str(getattr(error, "default_detail", "The request was refused")).rstrip(".")


def _flatten(detail: Any, path: str = "") -> Any:
    """DRF's nested errors as one Problem a field and message."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            yield from _flatten(value, f"{path}.{key}" if path else str(key))
    elif isinstance(detail, list):
        for value in detail:
            yield from _flatten(value, path)
    else:
        yield Problem(path or "body", str(detail), code=getattr(detail, "code", "invalid"))


def not_found(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    body = _body(404, "not_found", "There is no such address", f"{request.path} does not exist.")
    return JsonResponse(body, status=404, content_type=MEDIA_TYPE)
