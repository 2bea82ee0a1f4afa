"""What django-allauth asks this site: nobody signs up, secrets are encrypted, who reads the mail.

https://docs.allauth.org/en/latest/account/adapter.html
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialApp
from django.urls import reverse

from gtm.core import encrypted, sign_in
from gtm.core.actors import name_of
from gtm.core.errors import NotPermitted
from gtm.core.identity import factors, proof
from gtm.core.identity.providers import configured

PURPOSE = "gtm.core.identity"


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are made by people who manage them; a password alone is no proof where there is a factor."""

    def is_open_for_signup(self, request: Any) -> bool:
        return False

    def get_client_ip(self, request: Any) -> str:
        """An address in any case, for it is kept in a column of addresses."""
        found = sign_in.address_of(request)
        return found if found != sign_in.UNKNOWN else "0.0.0.0"  # noqa: S104 - no server listens here

    def get_login_stages(self) -> list[str]:
        return ["allauth.mfa.stages.AuthenticateStage"]

    def is_reauthentication_required(self, *, app: str) -> bool:
        """Who has no password has proved it at the provider, if that was lately."""
        return bool(super().is_reauthentication_required(app=app)) and not proof.proved_lately(self.request)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if factors.has_one(user):
            found = [one for one in found if one["id"] != "reauthenticate"]
        if not found and SocialAccount.objects.filter(user=user.pk).exists():
            told = "Sign in at your provider again"
            found = [{"id": "provider", "description": told, "url": reverse("provider_prove")}]
        has_app = any(factor.type == factors.TOTP for factor in factors.of(user))
        return found if has_app else sorted(found, key=lambda one: one["id"] == "mfa_reauthenticate")


class ProviderAdapter(DefaultSocialAccountAdapter):
    """Providers come from the settings alone, and nobody signs up at one: ``providers.matching`` says who."""

    def list_apps(self, request: Any, provider: Any = None, client_id: Any = None) -> list[SocialApp]:
        found: list[SocialApp] = []
        for config in configured.apps():
            app = SocialApp(provider="openid_connect", **config)
            if provider in (None, app.provider, app.provider_id) and client_id in (None, app.client_id):
                found.append(app)
        return found

    def is_open_for_signup(self, request: Any, sociallogin: Any) -> bool:
        return False


class MFAAdapter(DefaultMFAAdapter):
    """The secrets of factors are of no use to whoever has the database without the site's key."""

    def get_totp_label(self, user: Any) -> str:
        return str(user.get_username())

    def get_public_key_credential_user_entity(self, user: Any) -> dict[str, Any]:
        entity: dict[str, Any] = super().get_public_key_credential_user_entity(user)
        return {**entity, "name": user.get_username(), "display_name": name_of(user)}

    def encrypt(self, text: str) -> str:
        return encrypted.encrypt(text, purpose=PURPOSE)

    def decrypt(self, encrypted_text: str) -> str:
        """Raises NotPermitted where the key it was encrypted with is gone."""
        try:
            return encrypted.decrypt(encrypted_text, purpose=PURPOSE)
        except encrypted.KeyGone as error:
            raise NotPermitted(
                "The second factor of this account cannot be read: the site has another SECRET_KEY.",
                hint="Put the earlier key into SECRET_KEY_FALLBACKS, or reset the factor of the account.",
            ) from error
