"""Who acts in a session: the person who is logged in, and the second factor that the session has shown.

A factor that nobody has confirmed is shown at login like every other, and counts for nothing further.
"""

from __future__ import annotations

from typing import Any

from gtm.core import request_ids
from gtm.core.actors import Actor
from gtm.core.identity import confirmation, factors
from gtm.core.identity.providers import configured


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
    if factor is not None and confirmation.counts(factor):
        return factors.NAMES.get(factor.type, "")
    return _of_provider(request)


def _of_provider(request: Any) -> str:
    """What the provider told of a second factor, where the site still counts that; empty elsewhere."""
    counting = {app["provider_id"]: app["settings"]["second_factor"] for app in configured.apps()}
    for record in reversed(factors.records_of(request)):
        if record.get("method") == factors.PROVIDER:
            name, told = record.get("provider", ""), record.get("second_factor", "")
            return f"sign-in at {name} ({told})" if told and told in counting.get(name, ()) else ""
    return ""
