"""The forms of passkeys: what a browser sends is checked whole, and what is damaged is refused.

https://www.w3.org/TR/webauthn-3/
"""

from __future__ import annotations

from typing import Any

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms as webauthn
from cryptography.exceptions import InvalidSignature
from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from gtm.core import sign_in

DAMAGED = (ValueError, TypeError, KeyError, AttributeError, IndexError, InvalidSignature)
"""What fido2 and allauth raise of an answer that is no answer to what was asked."""


def _refused() -> forms.ValidationError:
    refused: forms.ValidationError = get_adapter().validation_error("incorrect_code")
    return refused


class AddPasskeyForm(webauthn.AddWebAuthnForm):
    name = forms.CharField(
        max_length=60,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Where it is kept, to tell it from others.",
    )
    passwordless = None

    def clean(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = super().clean()
        except forms.ValidationError:
            raise
        except DAMAGED as error:
            raise _refused() from error
        return found


class _Checked:
    """A passkey cannot be guessed, and each try costs a check of a signature: an address has so many."""

    def clean_credential(self) -> Authenticator:
        request = context.request
        sign_in.refuse_address(request, sign_in.PASSKEY)
        try:
            found: Authenticator = super().clean_credential()  # type: ignore[misc]
        except forms.ValidationError:
            self._note_wrong(request)
            raise
        except DAMAGED as error:
            self._note_wrong(request)
            raise _refused() from error
        return found

    def _note_wrong(self, request: Any) -> None:
        sign_in.note_passkey(getattr(self, "user", None), request, is_right=False)


class ShowPasskeyForm(_Checked, webauthn.AuthenticateWebAuthnForm):
    pass


class ConfirmPasskeyForm(_Checked, webauthn.ReauthenticateWebAuthnForm):
    pass


class PasskeyLoginForm(_Checked, webauthn.LoginWebAuthnForm):
    pass
