"""What waits for the person who looks: asked once a request, and no more of it than the page shows."""

from __future__ import annotations

from django.core.cache import cache
from django.http import HttpRequest

from plans.engine.people import inbox

ON_BADGE = 9
BADGE_SECONDS = 5  # a badge may be that old; the pages that show what waits never are
SHOWS_ALL = frozenset({"index", "plans_inbox"})


def waiting(request: HttpRequest) -> inbox.Inbox:
    """The whole inbox, once a request: the badge and the page look at the same list."""
    if not hasattr(request, "_waiting"):
        request._waiting = inbox.waiting_for(request.user)
    return request._waiting


def badge(request: HttpRequest) -> str:
    """``3``, ``9+``, nothing for nothing."""
    key = f"gtm-waiting-{request.user.pk}"
    if request.resolver_match and request.resolver_match.url_name in SHOWS_ALL:
        shown = _shown(waiting(request))
        cache.set(key, shown, BADGE_SECONDS)
        return shown
    return cache.get_or_set(key, lambda: _shown(inbox.waiting_for(request.user, ON_BADGE)), BADGE_SECONDS)


def _shown(found: inbox.Inbox) -> str:
    if found.is_full or len(found) > ON_BADGE:
        return f"{ON_BADGE}+"
    return str(len(found)) if found else ""
