"""Who acts in a session: the person who is logged in, and the second factor that the session has shown."""

from __future__ import annotations

from typing import Any

from gtm.core import request_ids
from gtm.core.actors import Actor
from gtm.core.identity import factors


def actor_in(request: Any, via: str) -> Actor:
    return Actor.of_user(
        request.user,
        via,
        interactive=True,
        request_id=request_ids.current(),
        second_factor=factors.shown_in(request),
    )
