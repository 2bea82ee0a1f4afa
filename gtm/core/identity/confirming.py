"""The pages on which the owner of a second factor confirms it: the link of the mail, and a new link."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.generic import TemplateView

from gtm.core.errors import NotPermitted
from gtm.core.identity import confirmation
from gtm.core.identity.pages import ByFactor


class ConfirmFactor(LoginRequiredMixin, ByFactor, TemplateView):
    """Where the link of the mail leads. Its button confirms, for mail readers open links by themselves.

    The session has shown the factor, so nobody confirms what somebody else has added to their account.
    """

    title = "Confirm your second factor"
    template_name = "mfa/confirm.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user: Any = self.request.user
        token = self.kwargs["token"]
        holds = confirmation.takes_mail(user) and confirmation.TOKENS.check_token(user, token)
        refused = "" if holds else "This link does not hold any more, or is not for this account."
        waiting = confirmation.in_words(confirmation.unconfirmed(user))
        return {**super().get_context_data(**kwargs), "refused": refused, "waiting": waiting}

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        try:
            confirmation.confirm_by_link(request.user, token)
        except NotPermitted as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, "Your second factor is confirmed. It counts for decisions from now on.")
        return HttpResponseRedirect(reverse("mfa_index"))


class AskForLink(LoginRequiredMixin, ByFactor, TemplateView):
    """The link once more, at most once a minute."""

    http_method_names = ["post"]  # noqa: RUF012 - as Django declares it

    def post(self, request: HttpRequest) -> HttpResponse:
        if confirmation.send_link(request.user, again=True):
            messages.success(request, "The link is on its way to the address on record.")
        else:
            messages.error(request, "No link can be mailed for this account.")
        return HttpResponseRedirect(reverse("mfa_index"))
