"""The page on which a secret is made and shown once, for webhooks out and in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from gtm.core.admin import acting_in_admin, tell
from gtm.core.admin.base import ActingAdmin
from gtm.core.errors import GtmError
from plans.engine.webhooks import signing


class OverlapForm(forms.Form):
    overlap_hours = forms.IntegerField(
        min_value=0,
        max_value=signing.MOST_HOURS,
        initial=signing.OVERLAP_HOURS,
        label="Hours in which the secrets before count beside it",
        widget=UnfoldAdminTextInputWidget(attrs={"type": "number"}),
    )


def may_manage(request: HttpRequest) -> bool:
    return request.user.has_perm("plans.manage_webhooks")


class SecretPage(ActingAdmin):
    """An admin whose objects have secrets. ``secret_page`` is the name of the address."""

    secret_page: str

    def response_add(self, request: HttpRequest, obj: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """The next step: without a secret nothing is posted, and nothing is taken."""
        super().response_add(request, obj, *args, **kwargs)
        return HttpResponseRedirect(reverse(f"admin:{self.secret_page}", args=[obj.pk]))

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [path("<int:pk>/secret/", view(self.secret), name=self.secret_page), *super().get_urls()]

    def secret(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make a secret. The answer of the POST shows it; nothing can show it again."""
        if not may_manage(request):
            raise PermissionDenied
        row = self.model._base_manager.filter(pk=pk).first()
        if row is None:
            raise Http404("There is no such webhook.")
        form, made = OverlapForm(request.POST or None), ""
        if request.method == "POST" and form.is_valid():
            try:
                with acting_in_admin(request):
                    made = signing.make(row, **form.cleaned_data)
            except GtmError as error:
                tell(request, error)
        meta = self.model._meta
        back = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
        told = {"row": row, "form": form, "made": made, "has_one": row.secrets.exists(), "back": back}
        return self.page(request, "plans/webhook_secret.html", f"Secret of {row}", **told)
