"""The pages of sign-in and second factors: allauth's views in the frame and the look of the site."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.account.views import ReauthenticateView
from allauth.mfa.base import views as base
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as totp
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from unfold.forms import AuthenticationForm

from gtm.core.admin.base import acting_in_admin
from gtm.core.identity import codes, confirmation, factors
from gtm.core.identity.providers import configured


def onward(request: HttpRequest) -> str:
    """Where somebody wanted to go before they came here, if that is a page of this site."""
    to = request.GET.get("next", "")
    hosts = {request.get_host()}
    return to if url_has_allowed_host_and_scheme(to, hosts, require_https=request.is_secure()) else ""


class InFrame:
    """A page of the admin's frame; what is done on it is the doing of who is logged in."""

    title = ""
    request: HttpRequest

    @method_decorator(never_cache)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.is_authenticated:
            return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        with acting_in_admin(request):
            return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)  # type: ignore[misc]
        return {**admin.site.each_context(self.request), "title": self.title, **context}


class ByFactor(InFrame):
    """Who has a second factor changes it in a session that has shown one, never with the password alone."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        user = request.user
        if user.is_authenticated and factors.has_one(user) and not factors.shown_in(request):
            return HttpResponseRedirect(f"{reverse('mfa_reauthenticate')}?next={request.path}")
        return super().dispatch(request, *args, **kwargs)


class LoginPage(LoginView):
    """The login page of the admin; where the account has a second factor, it is asked for next."""

    template_name = "admin/login.html"
    authentication_form = AuthenticationForm

    @method_decorator(never_cache)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method == "GET" and admin.site.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        told = {
            "title": "Log in",
            "app_path": self.request.get_full_path(),
            "username": self.request.user.get_username(),
            "providers": configured.apps(),
        }
        return {**admin.site.each_context(self.request), **super().get_context_data(**kwargs), **told}

    def get_default_redirect_url(self) -> str:
        return reverse("admin:index")

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user = form.get_user()
        login = Login(user=user, redirect_url=self.get_success_url())
        answer: HttpResponse = perform_password_login(self.request, {"username": user.get_username()}, login)
        return answer


class ShowFactor(InFrame, base.AuthenticateView):
    title = "Second factor"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        held = {factor.type for factor in factors.of(self.stage.login.user)}
        return {**super().get_context_data(**kwargs), "has_passkey": factors.PASSKEY in held}


class ConfirmByFactor(InFrame, base.ReauthenticateView):
    title = "Show your second factor"


class ConfirmByPassword(InFrame, ReauthenticateView):
    title = "Confirm that it is you"


class Factors(InFrame, base.IndexView):
    title = "Second factor"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        found = {
            "is_required": settings.GTM_SECOND_FACTOR,
            "shown": factors.shown_in(self.request),
            "waits": confirmation.waits(user),
            "takes_mail": confirmation.takes_mail(user),
            "what_to_do": confirmation.what_to_do(user),
        }
        return {**super().get_context_data(**kwargs), **found}


class AddApp(ByFactor, totp.ActivateTOTPView):
    title = "Add an authenticator app"

    def form_valid(self, form: Any) -> HttpResponse:
        """Whoever has just typed its code has shown it."""
        answer: HttpResponse = super().form_valid(form)
        codes.note_first(self.request, form.cleaned_data["code"])
        return answer

    def get_success_url(self) -> str:
        return f"{super().get_success_url()}?{urlencode({'next': onward(self.request)})}"


class RemoveApp(ByFactor, totp.DeactivateTOTPView):
    title = "Remove the authenticator app"


class RecoveryCodes(ByFactor, recovery.ViewRecoveryCodesView):
    title = "Recovery codes"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "next": onward(self.request)}


class NewCodes(ByFactor, recovery.GenerateRecoveryCodesView):
    title = "New recovery codes"
