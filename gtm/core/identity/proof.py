"""Who is logged in proves anew who they are, before a decision on money or law.

By the password; where the account has none, at the provider that opens it. A proof is for one decision.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from gtm.core import clock, sign_in
from gtm.core.identity import factors

KEPT = "gtm_proved_anew"
HOLDS = timedelta(minutes=10)
LATELY = 300
"""Seconds."""


def is_by_password(user: Any) -> bool:
    return bool(user.has_usable_password())


def note(request: Any) -> None:
    """The provider has just confirmed who is in this session."""
    request.session[KEPT] = [str(request.user.pk), time.time()]


def stands(request: Any) -> bool:
    """Whether the provider has confirmed it lately, and nothing was decided on that yet."""
    user, at = request.session.get(KEPT) or ["", 0.0]
    return user == str(request.user.pk) and 0 <= time.time() - at < HOLDS.total_seconds()


def proved_lately(request: Any) -> bool:
    """Whether the provider has just confirmed it, for what is asked before a change of one's own account."""
    times = [
        record["at"]
        for record in factors.records_of(request)
        if record.get("method") == factors.PROVIDER and record.get("reauthenticated")
    ]
    return bool(times) and 0 <= time.time() - max(times) < LATELY


def given(request: Any, password: str | None) -> datetime | None:
    """When the person of this request has proved it, for one decision; None where they have not.

    Raises TooManyWrong.
    """
    if is_by_password(request.user):
        return clock.now() if password and sign_in.confirms(request, request.user, password) else None
    if not stands(request):
        return None
    del request.session[KEPT]
    return clock.now()
