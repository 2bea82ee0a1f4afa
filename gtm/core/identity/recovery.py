"""A forgotten password: a link goes to the address of the account's owner, and the page says nothing of it.

The answer is the same for a name that nobody has. The link sets a password; a second factor is asked for as
before, so a mailbox alone lets nobody in where there is one.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.views.generic.edit import FormView
from unfold.widgets import UnfoldAdminTextInputWidget

from gtm.core import access_tokens, account_mail, clock, sign_in
from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.admin.own_password import FORGOTTEN
from gtm.core.evidence import accounts

BODY = """Somebody at {address} has asked for a link to set a new password for your account {account}.

{link}

The link holds for {days} days and can be used once. If it was not you, there is nothing to do: without the
link nothing changes.
"""


class NameForm(forms.Form):
    username = forms.CharField(
        max_length=150, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "username"})
    )


class Forgotten(FormView):  # type: ignore[type-arg]  # generic in the stubs alone
    form_class = NameForm
    template_name = "gtm/forgotten_password.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        told = {"title": "Forgotten password", "sends_mail": settings.GTM_OWN_PASSWORD_BY_MAIL}
        return {**admin.site.each_context(self.request), **super().get_context_data(**kwargs), **told}

    def form_valid(self, form: NameForm) -> HttpResponse:
        if settings.GTM_OWN_PASSWORD_BY_MAIL:
            ask(form.cleaned_data["username"], self.request)
        return TemplateResponse(
            self.request, self.template_name, self.get_context_data(form=form, asked=True)
        )


def ask(username: str, request: Any) -> None:
    """Post the link, if the name is that of an account of exactly one person. Raises TooManyWrong."""
    account = get_user_model()._default_manager.filter(username=username, is_active=True).first()
    sign_in.note_asked(account, username, request)
    if account is None or access_tokens.is_service(account) or not account.has_usable_password():
        return
    addresses = accounts.addresses_of(account)
    if len(addresses) != 1:
        return
    place = [urlsafe_base64_encode(force_bytes(account.pk)), FORGOTTEN.make_token(account)]
    body = BODY.format(
        address=sign_in.address_of(request),
        account=account.get_username(),
        link=settings.GTM_BASE_URL + reverse("forgotten_password_set", args=place),
        days=settings.PASSWORD_RESET_TIMEOUT // 86400,
    )
    with transaction.atomic(), acting_as(Actor.system("Forgotten password", ADMIN)):
        key = f"forgotten-{clock.now():%Y%m%d%H}"
        account_mail.post_to(account, addresses, "Set a new password", body, key=key)
        accounts.record_link(account, addresses)
