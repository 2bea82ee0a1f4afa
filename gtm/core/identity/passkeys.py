"""The pages of passkeys: a key that a phone, a computer or a security key holds."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.webauthn import views as webauthn
from allauth.mfa.webauthn.internal import auth
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse_lazy
from django.utils.http import urlencode

from gtm.core.identity import factors
from gtm.core.identity.pages import ByFactor, InFrame, onward


class LoginByPasskey(webauthn.LoginWebAuthnView):
    """Logs in who shows a passkey that has also checked its holder, by a PIN or a finger."""


class ConfirmByPasskey(InFrame, webauthn.ReauthenticateWebAuthnView):
    title = "Show your passkey"
    template_name = "mfa/webauthn/reauthenticate.html"

    def form_invalid(self, form: Any) -> HttpResponse:
        messages.error(self.request, "This passkey was not accepted. Try again.")
        return HttpResponseRedirect(self.request.get_full_path())


class AddPasskey(ByFactor, webauthn.AddWebAuthnView):
    title = "Add a passkey"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Asks for one that logs in by itself, and that checks its holder."""
        found = super().get_context_data(**kwargs)
        options = auth.begin_registration(self.request.user, True)
        return {**found, "js_data": {"creation_options": options}}

    def form_valid(self, form: Any) -> HttpResponse:
        """Whoever has just made it has shown it."""
        answer: HttpResponse = super().form_valid(form)
        newest = [one for one in factors.of(self.request.user) if one.type == factors.PASSKEY][-1]
        shown = {"id": newest.pk, "type": factors.PASSKEY}
        record_authentication(self.request, self.request.user, "mfa", **shown)
        return answer

    def get_success_url(self) -> str:
        to = onward(self.request)
        if to and not self.did_generate_recovery_codes:
            return to
        return f"{super().get_success_url()}?{urlencode({'next': to})}"


class RemovePasskey(ByFactor, webauthn.RemoveWebAuthnView):
    title = "Remove the passkey"
    success_url = reverse_lazy("mfa_index")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Without ``object``, for which Unfold's frame looks for pages in the admin."""
        found = super().get_context_data(**kwargs)
        key = found.pop("object")
        return {**found, "key": key}
