"""What people who manage accounts do with them, with a second person where the account has weight."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from gtm.core.actors import Actor
from gtm.core.admin.actions import PAGE, Answers, Deed, offer
from gtm.core.errors import NotPermitted
from gtm.core.identity import confirmation, factors
from gtm.core.identity.providers import matching
from programs.models.guarded_accounts import confirm_factors, reset_factors, why_not_confirm
from programs.models.two_people import PERMISSION


def _may(request: HttpRequest) -> bool:
    return request.user.has_perm("auth.change_user")


def _reset(user: User, told: Answers, seen: str) -> str:
    reset_factors(user)
    return "its second factors are removed. The owner is told by mail."


def _why_not(actor: Actor, user: User) -> str:
    if actor.user_id == user.pk:
        return "it is your own. Remove them under “Second factor”, in the menu under your name."
    return "" if factors.of(user) else "it has no second factor."


def _may_confirm(request: HttpRequest) -> bool:
    return request.user.has_perm(PERMISSION)


def _confirm(user: User, told: Answers, seen: str) -> str:
    if seen != _waiting(user):
        raise NotPermitted("The second factors of this account have changed since you looked at them.")
    confirm_factors(user)
    return "its second factor is confirmed. The owner is told by mail."


def _waiting(user: User) -> str:
    return confirmation.in_words(confirmation.unconfirmed(user))


def _with_factors(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(authenticator__isnull=False)


def _unlink(user: User, told: Answers, seen: str) -> str:
    matching.unlink(user)
    return "it is linked to no provider any more. The owner is told by mail."


def _why_not_unlinked(actor: Actor, user: User) -> str:
    return "" if _linked(User.objects.filter(pk=user.pk)).exists() else "it is linked to no provider."


def _linked(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(socialaccount__isnull=False).distinct()


def of_accounts() -> list[Any]:
    return [
        Deed(
            "reset_factors", "Reset the second factor", _may, icon="phonelink_erase", slots=frozenset({PAGE}),
            fits=_with_factors, perform=_reset, why_not=_why_not,
            explain=(
                "For somebody who has lost the phone and the recovery codes. Make sure that it is they who "
                "ask. All second factors of the account are removed, and a mail tells its owner."
            ),
        ),
        Deed(
            "confirm_factors", "Confirm the second factor", _may_confirm, icon="phonelink_lock",
            slots=frozenset({PAGE}), fits=_with_factors, perform=_confirm, why_not=why_not_confirm,
            seen=_waiting, shows=_waiting,
            explain=(
                "Ask the owner, face to face or on the phone, whether they have added these factors. Whoever "
                "knows only their password could have done it. From then on they count for decisions on "
                "money and law. Say below how you asked."
            ),
        ),
        Deed(
            "unlink_provider", "Unlink the sign-in at a provider", _may, icon="link_off",
            slots=frozenset({PAGE}), fits=_linked, perform=_unlink, why_not=_why_not_unlinked,
            explain=(
                "For somebody who has another identity at the provider than before. The next sign-in there "
                "by the verified address on record links the account anew. A mail tells its owner."
            ),
        ),
    ]  # fmt: skip


offer(User, of_accounts)
