"""What people who manage accounts do with them, with a second person where the account has weight."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from gtm.core.actors import Actor
from gtm.core.admin.actions import PAGE, Answers, Deed, offer
from gtm.core.identity import factors
from programs.models.guarded_accounts import reset_factors


def _may(request: HttpRequest) -> bool:
    return request.user.has_perm("auth.change_user")


def _reset(user: User, told: Answers, seen: str) -> str:
    reset_factors(user)
    return "its second factors are removed. The owner is told by mail."


def _why_not(actor: Actor, user: User) -> str:
    if actor.user_id == user.pk:
        return "it is your own. Remove them under “Second factor”, top right."
    return "" if factors.of(user) else "it has no second factor."


def _with_factors(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(authenticator__isnull=False)


def of_accounts() -> list[Any]:
    return [
        Deed(
            "reset_factors", "Reset the second factor", _may, icon="phonelink_erase", slots=frozenset({PAGE}),
            fits=_with_factors, perform=_reset, why_not=_why_not,
            explain=(
                "For somebody who has lost the phone and the recovery codes. Make sure that it is they who "
                "ask. All second factors of the account are removed, and a mail tells its owner."
            ),
        )
    ]  # fmt: skip


offer(User, of_accounts)
