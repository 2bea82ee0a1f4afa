"""What waits for the person who looks: asked once a request, and no more of it than the page shows."""

from __future__ import annotations

from django.http import HttpRequest

from plans.engine import inbox

ON_BADGE = 9
SHOWS_ALL = frozenset({"index", "plans_inbox"})


def waiting(request: HttpRequest) -> inbox.Inbox:
    """The whole inbox on the pages that show it, elsewhere as much as a badge counts."""
    if not hasattr(request, "_waiting"):
        shown = request.resolver_match.url_name if request.resolver_match else None
        most = inbox.MOST if shown in SHOWS_ALL else ON_BADGE
        request._waiting = inbox.waiting_for(request.user, most)
    return request._waiting


def badge(request: HttpRequest) -> str:
    """``3``, ``9+``, nothing for nothing."""
    found = waiting(request)
    if found.is_full or len(found) > ON_BADGE:
        return f"{ON_BADGE}+"
    return str(len(found)) if found else ""
