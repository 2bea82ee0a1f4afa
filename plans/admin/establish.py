"""The page on which a new site is established: what is missing, and the first two stewards."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminTextInputWidget

from gtm.core.admin import acting_in_admin, tell
from gtm.core.errors import GtmError
from plans.admin.directory import offices
from plans.standard import establishing
from plans.standard.establishing import NewSteward
from programs.models.place import known_country, known_zone


def _words(**told: Any) -> forms.CharField:
    return forms.CharField(widget=UnfoldAdminTextInputWidget, **told)


class EstablishForm(forms.Form):
    """Two people and where they work. Nobody is asked for where there are two stewards already."""

    first_name = _words(label="Your name", max_length=120, help_text="You become the first steward")
    first_email = forms.EmailField(label="Your address of mail", widget=UnfoldAdminEmailInputWidget)
    second_name = _words(label="The second steward", max_length=120, help_text="Agrees to what you change")
    second_email = forms.EmailField(label="Their address of mail", widget=UnfoldAdminEmailInputWidget)
    country = _words(initial="US", max_length=80, validators=[known_country], help_text="ISO 3166, like DE")
    time_zone = _words(initial="UTC", validators=[known_zone], help_text="IANA, like Europe/Berlin")
    name = _words(initial="gtm-governance", label="Name of this site", max_length=60,
                  help_text="Readers of a signed plan know this site by it: example.com/gtm")  # fmt: skip

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        first, second = told.get("first_email", ""), told.get("second_email", "")
        if first and first.casefold() == second.casefold():
            self.add_error("second_email", "Two stewards are two people with two addresses.")
        return told

    def stewards(self, account: Any) -> list[NewSteward]:
        told = self.cleaned_data
        place = {"country": told["country"], "time_zone": told["time_zone"]}
        return [
            NewSteward(told["first_name"], told["first_email"], account=account, **place),
            NewSteward(told["second_name"], told["second_email"], **place),
        ]


class EstablishPage:
    """Part of the admin of plans, for an account that may do everything."""

    def establish(self, request: HttpRequest) -> HttpResponse:
        if not request.user.is_superuser:
            raise PermissionDenied("To establish a site, you need an account that may do everything.")
        lacking, found = establishing.lacking(), None
        asks = lacking.is_short_of_stewards
        user = request.user
        initial = {"first_name": user.get_full_name(), "first_email": user.email}
        form = EstablishForm(request.POST or None, initial=initial) if asks else None
        if request.method == "POST" and (form is None or form.is_valid()):
            new = form.stewards(user) if form is not None else []
            name = form.cleaned_data["name"] if form is not None else "gtm-governance"
            try:
                with acting_in_admin(request, "Established on the page"), transaction.atomic():
                    found = establishing.establish(new, name=name)
            except GtmError as error:
                tell(request, error)
            else:
                lacking, form = establishing.lacking(), None
                messages.success(request, "This site is established.")
        return self.page(
            request,
            "plans/establish.html",
            "Establish this site",
            form=form,
            lacking=lacking,
            found=found,
            empty=[] if lacking.roles else [office.role.name for office in offices()[1] if office.nobody],
        )
