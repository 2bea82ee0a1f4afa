"""Whose account a token opens: the one linked to its subject, or the one whose person has its verified mail.

Nobody takes an account over: the first link needs a mail that the provider has verified, of a domain that it
speaks for, that is the address on record of exactly one person with one account, which somebody has made.
From then on the subject counts, not the mail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction

from gtm.core import access_tokens, account_mail, actors, clock
from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.evidence import accounts, changelog
from gtm.core.identity.providers import configured
from gtm.core.identity.providers.id_tokens import NotBelieved

holders: list[Callable[[str], Iterable[Any]]] = []
"""Each answers the accounts of the people who have an address on record."""

NOBODY = "There is no account for you here."
RIGHTS = "Ask the people who look after it to give you a role."
ASK = "Ask the people who look after this site to make one, with the address that your provider knows."


def account_for(app: Any, claims: Mapping[str, Any]) -> Any:
    """The account that the token opens, linked to it from now on. Raises NotBelieved."""
    with transaction.atomic():
        changelog.lock_chain(changelog.INSTALLATION)
        known = SocialAccount.objects.filter(provider=app.provider_id, uid=str(claims["sub"])).first()
        user = known.user if known is not None else _link(app, claims)
        if not user.is_active or access_tokens.is_service(user):
            raise NotBelieved("The account is closed.")
        if known is not None:
            known.save()  # when it was last used
        return user


def link_of(user: Any) -> SocialAccount | None:
    """The link of an account to a provider that is configured today."""
    found = SocialAccount.objects.filter(
        user=user.pk, provider__in=[app["provider_id"] for app in configured.apps()]
    )
    return found.order_by("-last_login").first()


def unlink(user: Any) -> None:
    """End the links of an account, for whoever acts: the next sign-in at a provider links it anew."""
    with transaction.atomic():
        for link in SocialAccount.objects.filter(user=user.pk):
            link.delete()
            _tell(user, f"{link.provider}: unlinked")


def _link(app: Any, claims: Mapping[str, Any]) -> Any:
    mail = _verified_mail(app, claims)
    found = {user.pk: user for ask in holders for user in ask(mail) if not access_tokens.is_service(user)}
    if len(found) > 1:
        raise NotBelieved(f"{NOBODY} Several accounts have this address.")
    user = next(iter(found.values()), None) or _make(mail)
    if SocialAccount.objects.filter(user=user, provider=app.provider_id).exists():
        raise NotBelieved(
            "Your account is linked to somebody else at the provider. "
            "Ask the people who look after this site to unlink it."
        )
    SocialAccount.objects.create(user=user, provider=app.provider_id, uid=str(claims["sub"]))
    _tell(user, f"{app.provider_id}: linked by the verified address {mail}")
    return user


def _verified_mail(app: Any, claims: Mapping[str, Any]) -> str:
    mail = claims.get("email")
    if not isinstance(mail, str) or "@" not in mail or claims.get("email_verified") is not True:
        raise NotBelieved(f"{NOBODY} The provider has not verified your mail address. {ASK}")
    domains = app.settings["domains"]
    if domains and mail.rpartition("@")[2].lower() not in domains:
        raise NotBelieved(f"{NOBODY} The provider does not speak for addresses like yours. {ASK}")
    return mail


def _make(mail: str) -> Any:
    """An account without any right, where the site lets people make one."""
    if not settings.GTM_OIDC_MAKES_ACCOUNTS:
        raise NotBelieved(f"{NOBODY} {ASK}")
    users = get_user_model()
    if users._default_manager.filter(username__iexact=mail).exists():
        raise NotBelieved(f"{NOBODY} Its name is taken. {ASK}")
    with acting_as(Actor.system("Sign-in at a provider", ADMIN)):
        return users._default_manager.create_user(username=mail[:150], email=mail, password=None)


def _tell(user: Any, said: str) -> None:
    acting = actors.current_or_none()
    with acting_as(acting.actor if acting else Actor.system("Sign-in at a provider", ADMIN)):
        accounts.record_provider(user, said)
        body = (
            f"How your account {user.get_username()} is opened has changed.\n\nSign-in at {said}.\n\n"
            "If it was not you, tell the people who look after the site."
        )
        key = f"provider-{clock.now():%Y%m%d%H%M%S%f}"
        account_mail.post(user, "Sign-in at a provider has changed", body, key=key)
