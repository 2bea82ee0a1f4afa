"""The second factors of an account: which it has, and whether this session has shown one."""

from __future__ import annotations

from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import transaction

from gtm.core.evidence import accounts

TOTP, RECOVERY, PASSKEY = (
    Authenticator.Type.TOTP.value,
    Authenticator.Type.RECOVERY_CODES.value,
    Authenticator.Type.WEBAUTHN.value,
)
PROVIDER = "socialaccount"
"""What django-allauth calls a sign-in at a provider, in the records of a session."""
NAMES = {TOTP: "authenticator app", RECOVERY: "recovery code", PASSKEY: "passkey"}


def shown_in(request: Any) -> str:
    """The factor that this session has shown last, in words; empty where it has shown none.

    A factor that was removed since does not count any more.
    """
    factor = last_shown(request)
    return NAMES.get(factor.type, "") if factor is not None else ""


def records_of(request: Any) -> list[dict[str, Any]]:
    """How the person of this session has shown who they are, the latest last."""
    found: list[dict[str, Any]] = get_authentication_records(request, request.user)
    return found


def last_shown(request: Any) -> Authenticator | None:
    """The factor that this session has shown last; None where it is gone, or there was none."""
    user = request.user
    for record in reversed(records_of(request)):
        if record.get("method") == "mfa":
            return Authenticator.objects.filter(pk=record.get("id"), user=user.pk).first()
    return None


def has_one(user: Any) -> bool:
    """Whether the account has a factor; recovery codes alone are none."""
    return Authenticator.objects.filter(user=user.pk, type__in=(TOTP, PASSKEY)).exists()


def of(user: Any) -> list[Authenticator]:
    return list(Authenticator.objects.filter(user=user.pk).order_by("type", "pk"))


def remove_all(user: Any) -> None:
    """Remove every factor of an account for whoever acts, end its sessions, and distrust its password.

    Where the site sends mail, what the account decides waits until its owner has proved to be that by mail.
    """
    with transaction.atomic():
        for factor in of(user):
            factor.delete()
        for session in UserSession.objects.filter(user=user.pk):
            session.end()
        accounts.may_be_known(user, "second factor reset")


def in_words(factor: Authenticator) -> str:
    """What a row of the change log and a mail call it."""
    if factor.type == PASSKEY:
        return f"passkey “{factor.data.get('name', '')}”"
    return "recovery codes" if factor.type == RECOVERY else NAMES[factor.type]
