"""Requests with large bodies: few at once, so that the others find a thread of the web process free."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from gtm.core.bounded.work import AGAIN, BUSY, MEBIBYTE

LARGE = 1 * MEBIBYTE
MOST = 3
"""With the places for long work, one of eight threads is left for /healthz whatever happens."""
_places = threading.BoundedSemaphore(MOST)


class LargeBodiesMiddleware:
    """Answers 503 at once where as many large bodies are being read as may be."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not _is_large(request):
            return self.get_response(request)
        if not _places.acquire(blocking=False):
            told = f"{BUSY} {AGAIN}\n"
            return HttpResponse(told, status=503, content_type="text/plain", headers={"Retry-After": "60"})
        try:
            return self.get_response(request)
        finally:
            _places.release()


def _is_large(request: HttpRequest) -> bool:
    """Also where the length is not said."""
    said = request.META.get("CONTENT_LENGTH") or ""
    if said.isdecimal():
        return int(said) > LARGE
    return request.META.get("HTTP_TRANSFER_ENCODING", "") != ""
