"""The last page of the set-up: the launch profile or the campaign that a first run lacks, entered there."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.http import HttpRequest
from django.utils.text import slugify
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from gtm.core.admin import acting_in_admin, tell
from gtm.core.admin.lines import AS_LINES
from gtm.core.errors import GtmError
from plans.standard.first_records import CAMPAIGN, PROFILE, lacking, skeleton, wanted_words
from plans.standard.program_setup import commands_of
from programs.models import Campaign, LaunchProfile, Program

REASON = "Set up a program"
NEEDS = {CAMPAIGN: "programs.add_campaign", PROFILE: "programs.add_launchprofile"}
TITLES = {CAMPAIGN: "Campaign", PROFILE: "Launch profile"}
_LINES: dict[str, Any] = AS_LINES[models.JSONField]


class CampaignForm(forms.ModelForm):
    """Name and days; partners and their agreement are entered on the campaign's own page."""

    class Meta:
        model = Campaign
        fields = ["name", "starts_on", "ends_on"]
        widgets = {
            "name": UnfoldAdminTextInputWidget(),
            "starts_on": UnfoldAdminTextInputWidget(attrs={"type": "date"}),
            "ends_on": UnfoldAdminTextInputWidget(attrs={"type": "date"}),
        }
        help_texts = {
            "name": "As in briefs, links and the CRM",
            "starts_on": "Both days may be empty. A run over the whole campaign needs them",
        }


class LaunchProfileForm(forms.ModelForm):
    """Where the kit leads, and the words that its templates ask for; the rest has the profile's own page."""

    class Meta:
        model = LaunchProfile
        fields = ["landing_url", "destinations", "copy", "tokens"]
        widgets = {"landing_url": UnfoldAdminTextInputWidget(attrs={"inputmode": "url"})}
        field_classes = dict.fromkeys(("destinations", "copy", "tokens"), _LINES["form_class"])

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        for name in ("destinations", "copy", "tokens"):
            self.fields[name].widget = UnfoldAdminTextareaWidget(attrs={"rows": 9 if name == "copy" else 4})

    def clean(self) -> dict[str, Any]:
        """A name with nothing behind it is one that nobody has filled in."""
        told = super().clean() or {}
        for name in ("destinations", "copy", "tokens"):
            given = told.get(name) or self.initial.get(name) or {}
            empty = [key for key, value in given.items() if value in ("", [""], [])]
            if empty and name not in self.errors:
                self.add_error(name, f"Not filled in: {', '.join(empty)}. Without it the kit cannot be made.")
        return told


def offers(request: HttpRequest, program: Program) -> list[dict[str, Any]]:
    """What the commands of this program lack, each with its form; a form that was sent is on top of it."""
    found: dict[str, dict[str, Any]] = {}
    for command in commands_of(program):
        for one in lacking(command, program):
            if one.kind not in found:
                found[one.kind] = {
                    "kind": one.kind,
                    "title": TITLES[one.kind],
                    "why": one.why,
                    "command": command.title,
                    "may": request.user.has_perm(NEEDS[one.kind]),
                    "form": _form(one.kind, program, request),
                    "wanted": wanted_words(program.kind) if one.kind == PROFILE else None,
                }
    return list(found.values())


def enter(request: HttpRequest, program: Program, found: list[dict[str, Any]]) -> bool:
    """Make the record whose form was sent; whether it was made. What is wrong stands in the form."""
    sent = next((one for one in found if one["kind"] == request.POST.get("do")), None)
    if sent is None or not sent["may"] or not sent["form"].is_valid():
        return False
    form = sent["form"]
    try:
        with acting_in_admin(request, REASON), transaction.atomic():
            form.instance.full_clean(exclude=[])
            form.save()
    except GtmError as error:
        tell(request, error)
        return False
    except ValidationError as error:
        for name, said in error.message_dict.items():
            form.add_error(name if name in form.fields else None, " ".join(said))
        return False
    messages.success(request, f"{sent['title']} of {program.name} is entered.")
    return True


def _form(kind: str, program: Program, request: HttpRequest) -> forms.ModelForm:
    data = request.POST if request.POST.get("do") == kind else None
    if kind == CAMPAIGN:
        campaign = Campaign(program=program, currency=program.currency)
        campaign.slug = _free_slug((data or {}).get("name", ""))
        return CampaignForm(data, instance=campaign)
    profile = LaunchProfile(program=program)
    if data is not None and (host := urlsplit(data.get("landing_url", "")).netloc):
        profile.allowed_hosts = [host.lower()]
    return LaunchProfileForm(data, instance=profile, initial=skeleton(wanted_words(program.kind)))


def _free_slug(name: str) -> str:
    stem = slugify(name)[:70] or "campaign"
    taken = set(Campaign.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    return next(slug for slug in (stem, *(f"{stem}-{n}" for n in range(2, 1000))) if slug not in taken)
