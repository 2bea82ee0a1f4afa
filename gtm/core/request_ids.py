"""One id for what one request caused: the caller's, or ours; in the answer, the change log and the log."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-ID"
SENSIBLE = re.compile(r"[A-Za-z0-9._:@+/=-]{1,100}")

_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """The id of the request that is answered; empty outside one."""
    return _current.get()


class RequestIdMiddleware:
    """Takes the caller's id, or makes one, and gives it back with the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        token = _current.set(given if SENSIBLE.fullmatch(given) else uuid.uuid4().hex)
        try:
            response = self.get_response(request)
            response[HEADER] = _current.get()
            return response
        finally:
            _current.reset(token)


class RequestIds(logging.Filter):
    """Gives each line of the log the id of the request it belongs to, as ``request_id``."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = f" [{_current.get()}]" if _current.get() else ""
        return True
