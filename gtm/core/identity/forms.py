"""The forms of second factors, with our limits and our fields instead of those of allauth."""

from __future__ import annotations

from typing import Any

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as base
from allauth.mfa.totp import forms as totp
from allauth.mfa.totp.internal import auth
from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from gtm.core import sign_in
from gtm.core.identity import codes


def code_field(label: str, help_text: str = "") -> forms.CharField:
    widget = UnfoldAdminTextInputWidget(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"})
    return forms.CharField(label=label, help_text=help_text, max_length=codes.MOST_LETTERS, widget=widget)


class _CheckedCode:
    """A code is checked once, within the limits of the account."""

    user: Any
    cleaned_data: dict[str, Any]

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        found = codes.accepts(self.user, code, context.request)
        if found is None:
            raise get_adapter().validation_error("incorrect_code")
        self.authenticator = found
        return code


class AuthenticateForm(_CheckedCode, base.AuthenticateForm):
    code = code_field("Code", "The six digits that your app shows now, or one of your recovery codes.")


class ReauthenticateForm(_CheckedCode, base.ReauthenticateForm):
    code = code_field("Code", "The six digits that your app shows now, or one of your recovery codes.")


class ActivateTOTPForm(totp.ActivateTOTPForm):
    code = code_field("Code", "The six digits that the app shows for this site.")

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if not auth.validate_totp_code(self.secret, code):
            raise get_adapter().validation_error("incorrect_code")
        return code


class PasswordForm(forms.Form):
    """The password of who is logged in, asked again."""

    password = forms.CharField(
        max_length=4096,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any):
        self.user = user
        super().__init__(*args, **kwargs)

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not sign_in.confirms(context.request, self.user, password):
            raise forms.ValidationError("The password is wrong.", code="password")
        return password
