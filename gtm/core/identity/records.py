"""Second factors on record: added, renewed, used up and removed, in the transaction that does it.

The owner is told by mail, also where somebody else has removed a factor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.urls import reverse

from gtm.core import account_mail, actors, clock, sign_in
from gtm.core.evidence import accounts
from gtm.core.identity import confirmation, factors

guards: list[Callable[[Any], None]] = []
"""Asked with the account before one of its factors is removed; each may refuse."""


def ask_first(sender: Any, instance: Any, **_: Any) -> None:
    """Receiver of ``pre_delete`` of factors: what somebody else removes may take two people."""
    if instance.type == factors.RECOVERY and factors.has_one(instance.user) and _is_own(instance.user):
        return  # its owner makes new ones
    for guard in guards:
        guard(instance.user)


def record_change(sender: Any, instance: Any, created: bool, raw: bool = False, **_: Any) -> None:
    """Receiver of ``post_save`` of factors."""
    if created and not raw:
        _tell(instance.user, f"{factors.in_words(instance)}: added")
        confirmation.note_added(instance)


def record_end(sender: Any, instance: Any, **_: Any) -> None:
    """Receiver of ``post_delete`` of factors."""
    _tell(instance.user, f"{factors.in_words(instance)}: removed")


def record_use(sender: Any, user: Any, authenticator: Any, request: Any = None, **_: Any) -> None:
    """Receiver of allauth's signal that a factor was used: one recovery code less, or a passkey shown."""
    if authenticator.type == factors.PASSKEY:
        sign_in.note_passkey(user, request)
    if authenticator.type == factors.RECOVERY:
        left = len(authenticator.wrap().get_unused_codes())
        _tell(user, f"recovery code: used, {left} left")


def _is_own(user: Any) -> bool:
    acting = actors.current_or_none()
    return acting is not None and acting.actor.user_id == user.pk


def _tell(user: Any, said: str) -> None:
    acting = actors.current_or_none()
    by = acting.actor.label if acting is not None and not acting.actor.is_system else ""
    accounts.record_factor(user, said)
    page = f"{settings.GTM_BASE_URL}{reverse('mfa_index')}"
    body = (
        f"The second factor of your account {user.get_username()} has changed.\n\n{said[0].upper()}{said[1:]}"
        f"{f', by {by}' if by and not _is_own(user) else ''}.\n\nYour second factors: {page}\n\n"
        "If it was you, there is nothing to do. If not, change your password, and tell the people who look "
        "after the site."
    )
    account_mail.post(
        user, "Your second factor has changed", body, key=f"factor-{clock.now():%Y%m%d%H%M%S%f}"
    )
