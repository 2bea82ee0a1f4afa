"""Errors of the REST interface as RFC 9457 ``application/problem+json``, one entry a bad field."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, IntegrityError
from django.db.models import ProtectedError, RestrictedError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler as rest_exception_handler
from rest_framework.views import set_rollback

from gtm.core import request_ids
from gtm.core.api.parsers import TooLarge
from gtm.core.errors import GtmError, Problem

logger = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
CODES = {Http404: "not_found", PermissionDenied: "permission_denied"}
"""Django's own refusals have the codes of those of REST."""


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: every refusal becomes a problem document; a defect stays a 500 without a traceback."""
    if isinstance(error, GtmError):
        set_rollback()
        wait = error.params.get("retry_after")
        headers = {"Retry-After": str(wait)} if wait else None
        return _response(_pointed(of_error(error), context), error.status, headers)
    if isinstance(error, exceptions.ValidationError):
        set_rollback()
        problems = list(_flatten(error.detail))
        body = _body(400, "invalid_input", "The input is not valid", "", problems)
        return _response(_pointed(body, context), 400)
    if isinstance(error, RequestDataTooBig):
        error = TooLarge()
    elif isinstance(error, SuspiciousOperation):
        error = exceptions.ParseError("The request cannot be read. It is damaged, or it has too many fields.")
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
        body = _body(500, "defect", "Something went wrong on our side", "The server's log shows the cause.")
        return _response(body, 500)
    code = CODES.get(type(error)) or getattr(error, "default_code", "") or type(error).__name__.lower()
    detail = response.data.get("detail", "") if isinstance(response.data, dict) else ""
    headers = {k: v for k, v in response.items() if k.lower() not in ("content-type", "content-length")}
    body = _body(response.status_code, str(code), _title(error), str(detail))
    return _response(body, response.status_code, headers)


def of_conflict(error: IntegrityError) -> dict[str, Any]:
    """What the database's constraints refuse: something else depends on it, or stands in its place."""
    if isinstance(error, ProtectedError | RestrictedError):
        kept = error.protected_objects if isinstance(error, ProtectedError) else error.restricted_objects
        kinds = sorted({str(obj._meta.verbose_name_plural) for obj in kept})
        detail = f"Other objects depend on it: {', '.join(kinds)}. Nothing was deleted."
        return _body(409, "in_use", "It is in use", detail)
    detail = "It would conflict with another object. Nothing was written."
    return _body(409, "conflict", "It conflicts with another object", detail)


def of_error(error: GtmError) -> dict[str, Any]:
    body = _body(error.status, error.code, error.title, error.detail, error.problems)
    return body | ({"hint": error.hint} if error.hint else {}) | {k: v for k, v in error.params.items() if v}


def _body(status: int, code: str, title: str, detail: str, problems: Any = ()) -> dict[str, Any]:
    body: dict[str, Any] = {"type": f"urn:gtm-governance:problem:{code}", "title": title, "status": status}
    if detail:
        body["detail"] = detail
    if request_id := request_ids.current():
        body["request_id"] = request_id
    if problems:
        body["errors"] = [{**p.as_dict(), "message": p.message, "detail": p.sentence()} for p in problems]
    return body


def _pointed(body: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
    """Each bad field with the JSON Pointer (RFC 6901) to where it stands in what was sent, where it does."""
    request = context.get("request")
    sent = getattr(request, "_full_data", None)  # not .data, which would parse a broken body once more
    for entry in body.get("errors", ()):
        if pointer := _pointer(entry["field"].split("."), sent):
            entry["pointer"] = pointer
    return body


def _pointer(path: list[str], sent: Any) -> str:
    """As it stands, else inside one object of the body: an input of a run is named without "inputs"."""
    if not isinstance(sent, Mapping):
        return ""
    within = [key for key, value in sent.items() if isinstance(value, Mapping) and path[0] in value]
    if path[0] not in sent and len(within) != 1:
        return ""
    full = path if path[0] in sent else [within[0], *path]
    return "#/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in full)


def _response(body: dict[str, Any], status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status=status, headers=headers, content_type=MEDIA_TYPE)


def _title(error: Exception) -> str:
    if isinstance(error, Http404):
        return "There is no such object"
    if isinstance(error, PermissionDenied | exceptions.PermissionDenied):
        return "You are not allowed to do this"
    said = str(getattr(error, "default_detail", "The request was refused"))
    return re.sub(r' "\{\w+\}"', "", said).rstrip(".")  # a title is of the kind; the detail names the value


def _flatten(detail: Any, path: str = "") -> Any:
    """DRF's nested errors as one Problem a field and message."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            name = "body" if key == api_settings.NON_FIELD_ERRORS_KEY else str(key)
            yield from _flatten(value, f"{path}.{name}" if path else name)
    elif isinstance(detail, list):
        for value in detail:
            yield from _flatten(value, path)
    else:
        yield Problem(path or "body", str(detail), code=getattr(detail, "code", "invalid"))


def is_rest(request: HttpRequest) -> bool:
    """Whether a program asks, which reads problem documents and not pages."""
    return request.path_info.startswith("/api/")


def response(status: int, code: str, title: str, detail: str) -> JsonResponse:
    """A problem document outside a view of REST."""
    return JsonResponse(_body(status, code, title, detail), status=status, content_type=MEDIA_TYPE)


def not_found(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    return response(404, "not_found", "There is no such address", f"{request.path} does not exist.")
