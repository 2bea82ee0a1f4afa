"""Tokens of programs: made and shown once, found by their digest, ended; each of these is on record.

A token has 256 random bits, so a plain SHA-256 of it is as good as a slow hash, and quick to look up.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction

from gtm.core import clock
from gtm.core.actors import REST, Actor, acting_as, current_or_none
from gtm.core.errors import InvalidInput, NotPermitted, Problem
from gtm.core.evidence import changelog
from gtm.core.models import AccessToken, ServiceAccount

SCOPES = {
    "read": "read what the account may read",
    "run": "start runs, and work on plans, tasks and cases",
    "load": "load data, and keep load profiles",
    "export": "download plans, outputs, rejected rows and access reviews",
    "admin": "change programs and what belongs to them",
}
BEGINS = "gtm_"
PREFIX = len(BEGINS) + 6
DAYS, MOST_DAYS = 90, 366
USE_NOTED_EVERY = timedelta(minutes=1)
USERNAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,58}[a-z0-9]")


def make(user: Any, *, name: str, scopes: Collection[str], days: int = DAYS) -> tuple[AccessToken, str]:
    """A new token and its secret, which nobody can find out again. Raises InvalidInput."""
    problems = [
        Problem("scopes", f"“{scope}” is unknown.", tuple(SCOPES)) for scope in scopes if scope not in SCOPES
    ]
    if not scopes:
        problems.append(Problem("scopes", "name at least one.", tuple(SCOPES), code="required"))
    if not name.strip() or len(name) > 100:
        problems.append(Problem("name", "say what it is for, in at most 100 characters.", code="required"))
    if not 1 <= days <= MOST_DAYS:
        problems.append(Problem("days", f"must lie between 1 and {MOST_DAYS}."))
    if problems:
        raise InvalidInput("The token was not made.", problems=problems)
    secret = BEGINS + secrets.token_urlsafe(32)
    with transaction.atomic():
        token = AccessToken.objects.create(
            user=user,
            name=name.strip(),
            prefix=secret[:PREFIX],
            digest=digest_of(secret),
            scopes=[scope for scope in SCOPES if scope in scopes],
            expires_at=clock.now() + timedelta(days=days),
        )
        _tell(token, "created", after={"scopes": token.scopes, "until": token.expires_at.isoformat()})
    return token, secret


def make_service(username: str, *, owner: Any, purpose: str) -> ServiceAccount:
    """An account for a program, without a password. Raises InvalidInput.

    What it may do comes by groups, as for everybody: two people give them.
    """
    user_model = get_user_model()
    problems = []
    if not USERNAME.fullmatch(username):
        problems.append(Problem("username", "takes 3 to 60 small letters, digits, dots and hyphens."))
    elif user_model.objects.filter(username=username).exists():
        problems.append(Problem("username", f"“{username}” is taken."))
    if not purpose.strip() or len(purpose) > 300:
        problems.append(Problem("purpose", "say what it does, in at most 300 characters.", code="required"))
    if is_service(owner) or not owner.is_active:
        problems.append(Problem("owner", "is a person with an open account."))
    if problems:
        raise InvalidInput("The service account was not made.", problems=problems)
    with transaction.atomic():
        user = user_model(username=username)
        user.set_unusable_password()
        user.save()
        service = ServiceAccount.objects.create(user=user, owner=owner, purpose=purpose.strip())
        changelog.append(service, "created", field="owner", after=owner.get_username(), reason=purpose)
    return service


def is_service(user: Any) -> bool:
    return ServiceAccount.objects.filter(user=user.pk).exists()


def find(secret: str) -> AccessToken:
    """The token that the secret opens. Raises NotPermitted, without saying more than it has to."""
    rows = AccessToken.objects.select_related("user__service_account__owner")
    token = rows.filter(digest=digest_of(secret)).first() if secret.isascii() else None
    if token is None:
        raise NotPermitted("There is no such token.")
    if fault := why_not(token):
        raise NotPermitted(fault)
    return token


def why_not(token: AccessToken) -> str:
    """Why a token opens nothing now; empty where it does."""
    if token.ended_at is not None:
        return "The token was ended."
    if token.expires_at <= clock.now():
        return "The token has expired."
    service = getattr(token.user, "service_account", None)
    if not token.user.is_active or (service is not None and not service.owner.is_active):
        return "The account of the token, or of the person who answers for it, is closed."
    return ""


def note_use(token: AccessToken) -> None:
    """When it was last used, to the minute. The first use is a row of the change log."""
    now = clock.now()
    if token.last_used_at is not None and now - token.last_used_at < USE_NOTED_EVERY:
        return
    with transaction.atomic():
        rows = AccessToken.objects.filter(pk=token.pk)
        if rows.filter(last_used_at=None).update(last_used_at=now):
            with acting_as(Actor.of_user(token.user, REST)):
                _tell(token, "first used", after=now.isoformat())
        else:
            rows.update(last_used_at=now)


def end(tokens: Iterable[AccessToken], *, why: str) -> int:
    """End tokens for good; answers of how many."""
    count = 0
    with transaction.atomic():
        for token in tokens:
            now, rows = clock.now(), AccessToken.objects.filter(pk=token.pk, ended_at=None)
            if rows.update(ended_at=now, ended_why=why[:200]):
                _tell(token, "ended", after=now.isoformat(), reason=why)
                count += 1
    return count


def end_all_of(user: Any, *, why: str) -> int:
    return end(AccessToken.objects.filter(user=user, ended_at=None), why=why)


def rotate(token: AccessToken) -> tuple[AccessToken, str]:
    """A token in place of another: same name, scopes and time; the old one ends. Raises NotPermitted."""
    if fault := why_not(token):
        raise NotPermitted(f"{fault} Make a new one.")
    days = max(1, min(MOST_DAYS, (token.expires_at - token.made_at).days))
    with transaction.atomic():
        fresh, secret = make(token.user, name=token.name, scopes=token.scopes, days=days)
        end([token], why=f"replaced by {fresh.prefix}…")
    return fresh, secret


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _tell(token: AccessToken, event: str, *, after: Any, reason: str | None = None) -> None:
    if current_or_none() is not None:
        changelog.append(token, event, field="token", after=after, reason=reason)
        return
    with acting_as(Actor.system("Tokens")):
        changelog.append(token, event, field="token", after=after, reason=reason)
