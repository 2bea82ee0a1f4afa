"""Codes of an authenticator app and recovery codes: limited, on record, and each used once.

The limits and the memory of used codes are in the database, so they hold for all processes together.
RFC 6238, section 5.2: a code that was accepted is not accepted again.
"""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.utils import decrypt
from django.db import transaction

from gtm.core import sign_in
from gtm.core.evidence import changelog
from gtm.core.identity.factors import RECOVERY, TOTP

MOST_LETTERS = 64
LAST_STEP = "last_step"


def accepts(user: Any, code: str, request: Any = None) -> Authenticator | None:
    """The factor of ``user`` that gave the code; None where the code is wrong. Raises TooManyWrong."""
    sign_in.refuse_after_many_codes(user, request)
    with transaction.atomic():
        changelog.lock_chain(changelog.INSTALLATION)
        found = _find(user, code) if 0 < len(code) <= MOST_LETTERS else None
    sign_in.note_code(user, request, is_right=found is not None)
    return found


def note_first(request: Any, code: str) -> None:
    """The code with which an app was added: it is used, and this session has shown the app."""
    factor = Authenticator.objects.get(user=request.user.pk, type=TOTP)
    if _is_of_app(factor, code):
        record_authentication(request, request.user, "mfa", id=factor.pk, type=TOTP)


def _find(user: Any, code: str) -> Authenticator | None:
    for factor in Authenticator.objects.filter(user=user.pk, type__in=(TOTP, RECOVERY)).order_by("-type"):
        is_right = _is_of_app(factor, code) if factor.type == TOTP else factor.wrap().validate_code(code)
        if is_right:
            factor.refresh_from_db()
            factor.user = user
            return factor
    return None


def _is_of_app(factor: Authenticator, code: str) -> bool:
    """Whether the app shows this code now, and no code of this or a later time was used."""
    secret = decrypt(factor.data["secret"])
    for step in totp.yield_hotp_counters_from_time():
        expected = totp.format_hotp_value(totp.hotp_value(secret, step))
        if step > factor.data.get(LAST_STEP, -1) and compare_user_code(actual=code, expected=expected):
            factor.data[LAST_STEP] = step
            factor.save(update_fields=["data"])
            return True
    return False
