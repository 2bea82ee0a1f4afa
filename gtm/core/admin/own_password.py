"""A password of one's own: set by a link that goes to the address of its person, where the site sends mail.

Whoever made an account or set its password can log in with it, and so could set "its own" password as well.
The link goes where only its owner reads; whoever opens it sets a password that nobody before has known.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.contrib.auth.views import PasswordResetConfirmView
from django.core.mail import send_mail
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse, reverse_lazy
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from unfold.widgets import UnfoldAdminPasswordWidget

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.admin.base import acting_in_admin
from gtm.core.evidence import accounts
from gtm.core.models import PasswordOfAnother

SUBJECT = "Set your password"
BODY = """Hello {name},

{known} has set the password of your account {account}, linked the account
to you, or reset its second factor, and may know the password. Open this link and set one that only you know:

{link}

Until then, nothing is decided or signed with your account. The link holds for
{days} days and can be used once. If you did not expect this, do not open it, and
tell the people who look after the site.
"""


NO_OWNER = "This account is not that of exactly one person in the directory, so no link can be sent."


class OwnPasswordTokens(PasswordResetTokenGenerator):
    """A link ends with the password and with the mark that it was made for; a login does not end it."""

    key_salt = "gtm.core.admin.own_password"

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        known = PasswordOfAnother.objects.filter(user=user).first()
        marked = known.set_at.isoformat() if known else ""
        return f"{user.pk}{user.password}{marked}{timestamp}{'|'.join(accounts.addresses_of(user))}"


TOKENS = OwnPasswordTokens()


def own_password(request: HttpRequest) -> HttpResponse:
    """One's own password, changed by oneself and on record as that; or how to come by one of one's own."""
    if not request.user.is_authenticated:
        return admin.site.password_change(request)
    known = PasswordOfAnother.objects.filter(user=request.user).first()
    with acting_in_admin(request):
        if known is None or not settings.GTM_OWN_PASSWORD_BY_MAIL:
            return admin.site.password_change(request)
        if request.method == "POST":
            _send(request, known)
            return HttpResponseRedirect(reverse("own_password"))
    addresses = accounts.addresses_of(request.user)
    address = _hidden(addresses[0]) if len(addresses) == 1 else ""
    context = {**admin.site.each_context(request), "title": SUBJECT, "known": known, "address": address}
    context["no_owner"] = NO_OWNER
    return TemplateResponse(request, "gtm/own_password.html", context)


def _send(request: HttpRequest, known: PasswordOfAnother) -> None:
    """To the address of the one person whose account it is; on record that it went, and where."""
    user: Any = request.user
    addresses = accounts.addresses_of(user)
    if len(addresses) != 1:
        messages.error(request, NO_OWNER)
        return
    place = [urlsafe_base64_encode(force_bytes(user.pk)), TOKENS.make_token(user)]
    link = settings.GTM_BASE_URL + reverse("own_password_set", args=place)
    days = settings.PASSWORD_RESET_TIMEOUT // 86400
    body = BODY.format(name=user.get_full_name() or user.get_username(), known=known.set_by,
                       account=user.get_username(), link=link, days=days)  # fmt: skip
    send_mail(SUBJECT, body, None, addresses)
    accounts.record_link(user, addresses)
    messages.success(request, f"The link is on its way to {', '.join(map(_hidden, addresses))}.")


def _hidden(address: str) -> str:
    """Enough of an address for whoever owns it: a…@example.com."""
    return f"{address[:1]}…@{address.rpartition('@')[2]}"


class OwnPasswordForm(SetPasswordForm):  # type: ignore[type-arg]  # generic in the stubs alone
    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})


class SetOwnPassword(PasswordResetConfirmView):
    """Where the link leads: a password is set that nobody before has known, and the mark is gone."""

    form_class = OwnPasswordForm
    token_generator = TOKENS
    template_name = "gtm/own_password_set.html"
    success_url = reverse_lazy("admin:login")
    title = SUBJECT
    is_forgotten = False

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**admin.site.each_context(self.request), **super().get_context_data(**kwargs)}

    def form_valid(self, form: Any) -> HttpResponse:
        form.user.proved_by_mail = True
        form.user.proved_by_mailbox_alone = self.is_forgotten
        with acting_as(Actor.of_user(form.user, ADMIN, interactive=True)):
            answer = super().form_valid(form)
        messages.success(self.request, "Your password is set. Log in with it.")
        return answer


class ForgottenTokens(OwnPasswordTokens):
    """Links that nobody had to log in for: who has the mailbox has them."""

    key_salt = "gtm.core.identity.recovery"


FORGOTTEN = ForgottenTokens()


class SetForgotten(SetOwnPassword):
    """Where the link of a forgotten password leads. That nothing but a mailbox was shown is kept."""

    token_generator = FORGOTTEN
    is_forgotten = True
