"""The addresses of sign-in at a provider: there, back, and to prove anew who one is before a decision."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import View

from gtm.core import sign_in
from gtm.core.identity import factors, proof
from gtm.core.identity.pages import onward
from gtm.core.identity.providers import matching
from gtm.core.identity.providers.flow import Provider
from gtm.core.identity.providers.id_tokens import NotBelieved, second_factor

METHOD = factors.PROVIDER


def _refused(request: HttpRequest, why: str) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": "Not signed in", "why": why}
    return TemplateResponse(request, "gtm/not_signed_in.html", context, status=403)


@method_decorator(never_cache, name="dispatch")
class ToProvider(View):
    """Leads to the provider, to sign in."""

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        provider = Provider(request, name)
        sign_in.refuse_address(request, sign_in.PROVIDER)
        if request.user.is_authenticated:
            return HttpResponseRedirect(reverse("admin:index"))
        try:
            return provider.ask(onward(request), anew=False)
        except NotBelieved as error:
            return _refused(request, str(error))


@method_decorator(never_cache, name="dispatch")
class ProveAnew(LoginRequiredMixin, View):
    """Leads to the provider, which asks again who one is: for those who have no password here."""

    def get(self, request: HttpRequest) -> HttpResponse:
        link = matching.link_of(request.user)
        if link is None:
            return _refused(request, "Your account is not linked to a provider.")
        try:
            return Provider(request, link.provider).ask(onward(request), anew=True)
        except NotBelieved as error:
            return _refused(request, str(error))


@method_decorator(never_cache, name="dispatch")
class FromProvider(View):
    """Where the provider sends the browser back to."""

    def get(self, request: HttpRequest, provider_id: str) -> HttpResponse:
        sign_in.refuse_address(request, sign_in.PROVIDER)
        provider, user = Provider(request, provider_id), None
        try:
            asked, claims = provider.answer()
            user = matching.account_for(provider.app, claims)
            if asked["user"]:
                return self._proved(request, provider, user, asked, claims)
        except NotBelieved as error:
            sign_in.note_provider(user, request, is_right=False)
            return _refused(request, str(error))
        sign_in.note_provider(user, request, is_right=True)
        if not user.is_staff:
            return _refused(request, f"Your account may not use this site yet. {matching.RIGHTS}")
        self._record(request, provider, user, claims)
        login = Login(user=user, redirect_url=asked["next"] or reverse("admin:index"))
        answer: HttpResponse = perform_login(request, login)
        return answer

    def _proved(
        self,
        request: HttpRequest,
        provider: Provider,
        user: Any,
        asked: dict[str, Any],
        claims: dict[str, Any],
    ) -> HttpResponse:
        """Who was logged in before has proved it: nobody else goes on with their session."""
        if not request.user.is_authenticated or not asked["user"] == str(request.user.pk) == str(user.pk):
            raise NotBelieved("Somebody else has signed in at the provider. Nothing was confirmed.")
        sign_in.note_provider(user, request, is_right=True)
        self._record(request, provider, user, claims, reauthenticated=True)
        proof.note(request)
        messages.success(request, "The provider has confirmed who you are.")
        return HttpResponseRedirect(asked["next"] or reverse("admin:index"))

    def _record(
        self, request: HttpRequest, provider: Provider, user: Any, claims: dict[str, Any], **more: Any
    ) -> None:
        shown = second_factor(claims, provider.app.settings["second_factor"])
        record_authentication(
            request, user, METHOD, provider=provider.name, uid=str(claims["sub"]), second_factor=shown, **more
        )


class SignOut(View):
    """Ends the session here, and where it came from a provider the one there, too."""

    def post(self, request: HttpRequest) -> HttpResponse:
        came = [record for record in factors.records_of(request) if record.get("method") == METHOD]
        answer: HttpResponse = admin.site.logout(request)
        if not came:
            return answer
        back = f"{settings.GTM_BASE_URL}{reverse('admin:login')}"
        try:
            there = Provider(request, str(came[-1]["provider"])).sign_out_at(back)
        except Http404:
            there = ""  # the provider is not configured any more
        return HttpResponseRedirect(there) if there else answer

    def get(self, request: HttpRequest) -> HttpResponse:
        answer: HttpResponse = admin.site.logout(request)
        return answer
