"""From this site to a provider and back: what is asked there, and what its answer is believed for."""

from __future__ import annotations

import time
from typing import Any

import requests
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.internal import statekit
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import get_random_string

from gtm.core.identity.providers.id_tokens import NotBelieved, claims_of

UNREACHED = "The provider did not answer as it should. Try again in a minute."
LARGEST = 100
"""Keys of a provider that are looked at."""


class Provider:
    """One configured provider. Raises Http404 where there is none of that name."""

    def __init__(self, request: HttpRequest, name: str):
        self.request, self.name = request, name
        try:
            self.adapter = OpenIDConnectOAuth2Adapter(request, name)
            self.allauth: OpenIDConnectProvider = self.adapter.get_provider()
        except SocialApp.DoesNotExist as error:
            raise Http404("There is no such provider.") from error
        self.app = self.allauth.app

    def ask(self, onward: str, *, anew: bool) -> HttpResponse:
        """Send the browser to the provider. ``anew``: who is logged in has to prove there who they are."""
        nonce = get_random_string(40)
        asked = {"nonce": nonce, **({"prompt": "login", "max_age": "0"} if anew else {})}
        user = str(self.request.user.pk) if anew else ""
        kept = {"nonce": nonce, "user": user, "asked_at": time.time() if anew else None}
        try:
            self._check_configuration()
            answer: HttpResponse = self.allauth.redirect(
                self.request, "login", next_url=onward, data=kept, auth_params=asked
            )
        except (requests.RequestException, OAuth2Error, KeyError, ValueError) as error:
            raise NotBelieved(UNREACHED) from error
        return answer

    def answer(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What was asked, and the claims of the answer in this request. Raises NotBelieved."""
        state = statekit.unstash_state(
            self.request, provider_id=self.allauth.sub_id, state_id=self.request.GET.get("state", "")
        )
        if state is None:
            raise NotBelieved("This sign-in was begun elsewhere, or too long ago. Begin it again.")
        if "error" in self.request.GET or "code" not in self.request.GET:
            raise NotBelieved("You have not been signed in at the provider.")
        try:
            configuration = self._check_configuration()
            client = self.adapter.get_client(self.request, self.app)
            code = state.get("pkce_code_verifier")
            told = self.adapter.get_access_token_data(self.request, self.app, client, pkce_code_verifier=code)
            keys = self._read(configuration["jwks_uri"])
        except (requests.RequestException, OAuth2Error, KeyError, ValueError, TypeError) as error:
            raise NotBelieved(UNREACHED) from error
        kept = state["data"]
        claims = claims_of(
            str(told.get("id_token", "")),
            {"keys": list(keys.get("keys", []))[:LARGEST]},
            issuer=self.app.settings["issuer"],
            client_id=self.app.client_id,
            nonce=kept["nonce"],
            now=time.time(),
            asked_at=kept["asked_at"],
        )
        return {**kept, "next": state.get("next") or ""}, claims

    def sign_out_at(self, back: str) -> str:
        """Where a browser goes to end its session at the provider, too; empty where it offers none."""
        try:
            place = str(self._check_configuration().get("end_session_endpoint", ""))
        except (NotBelieved, requests.RequestException, ValueError):
            return ""
        query = {"client_id": self.app.client_id, "post_logout_redirect_uri": back}
        return str(requests.Request("GET", place, params=query).prepare().url) if place else ""

    def _check_configuration(self) -> dict[str, Any]:
        """OpenID Connect Discovery 4.3: the configuration is that of the issuer whom we trust."""
        found: dict[str, Any] = self.adapter.openid_config
        if found.get("issuer") != self.app.settings["issuer"]:
            raise NotBelieved("The provider calls itself another than this site knows.")
        return found

    def _read(self, url: str) -> dict[str, Any]:
        with get_adapter().get_requests_session() as session:
            answer = session.get(url)
            answer.raise_for_status()
            found = answer.json()
        if not isinstance(found, dict):
            raise ValueError("no set of keys")
        return found
