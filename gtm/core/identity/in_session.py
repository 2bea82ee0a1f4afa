"""Who acts in a session: the person who is logged in, and the second factor that the session has shown.

A factor that nobody has confirmed is shown at login like every other, and counts for nothing further.
"""

from __future__ import annotations

from typing import Any

from gtm.core import request_ids
from gtm.core.actors import Actor
from gtm.core.identity import confirmation, factors


def actor_in(request: Any, via: str) -> Actor:
    return Actor.of_user(
        request.user,
        via,
        interactive=True,
        request_id=request_ids.current(),
        second_factor=counting_in(request),
    )


def counting_in(request: Any) -> str:
    """The factor of this session that counts beside the password, in words; empty where there is none."""
    factor = factors.last_shown(request)
    if factor is None or not confirmation.counts(factor):
        return ""
    return factors.NAMES.get(factor.type, "")
