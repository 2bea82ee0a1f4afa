"""What waits for the person who looks: asked once a request, and no more of it than the page shows.

The number in the sidebar and the list come from one question. On other pages the number is kept while nothing
is written to the change log, and some seconds at most: it is never older than the page.
"""

from __future__ import annotations

from django.core.cache import cache
from django.http import HttpRequest

from gtm.core.models import ChangeLogEntry
from plans.admin.entries import Entry, entries_of, lines_of
from plans.engine.people import inbox
from plans.runs import on_call

ON_BADGE = 9
BADGE_SECONDS = 5  # for what time alone changes: an absence that begins, a turn that ends
SHOWS_ALL = frozenset({"index", "plans_inbox"})


def waiting(request: HttpRequest) -> inbox.Inbox:
    """The whole inbox, once a request: the badge and the page look at the same list."""
    if not hasattr(request, "_waiting"):
        request._waiting = inbox.waiting_for(request.user)
    return request._waiting


def entries(request: HttpRequest) -> list[Entry]:
    """The inbox as one list, once a request."""
    if not hasattr(request, "_entries"):
        gaps = on_call.gaps_ahead(request.user)
        request._entries = entries_of(waiting(request), request.user, gaps)
    return request._entries


def lines(request: HttpRequest) -> list[Entry]:
    """The inbox with many cases of one kind about one thing as one line."""
    return lines_of(entries(request), waiting(request).most)


def badge(request: HttpRequest) -> str:
    """``3``, ``9+``, nothing for nothing."""
    if request.resolver_match and request.resolver_match.url_name in SHOWS_ALL:
        return _shown(waiting(request))
    newest = ChangeLogEntry.objects.order_by("-pk").values_list("pk", flat=True).first()
    key = f"gtm-waiting-{request.user.pk}-{newest}"
    return cache.get_or_set(key, lambda: _shown(inbox.waiting_for(request.user, ON_BADGE + 1)), BADGE_SECONDS)


def _shown(found: inbox.Inbox) -> str:
    if found.is_full or len(found) > ON_BADGE:
        return f"{ON_BADGE}+"
    return str(len(found)) if found else ""
