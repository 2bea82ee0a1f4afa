"""What is governed, in the admin. One registration a model; rules live in the models."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from gtm.core import fsm
from gtm.core.actors import current
from gtm.core.admin import GovernedAdmin, GovernedInline, acting_in_admin, tell
from gtm.core.admin.base import ReasonedForm
from gtm.core.errors import GtmError
from programs.admin import account_deeds, dataset_deeds  # noqa: F401 - offer their deeds
from programs.admin.datasets import DatasetAdmin
from programs.admin.forms import SecondPersonForm
from programs.admin.launch import LaunchProfileAdmin, MessageTemplateAdmin
from programs.admin.load_profiles import LoadProfileAdmin
from programs.admin.people import ApproverAdmin, DelegationAdmin, PersonAdmin
from programs.admin.runbooks import RunbookAdmin, RunbookAlertAdmin, RunbookTaskAdmin
from programs.currency_change import change_of_currency
from programs.models import (
    ECONOMICS,
    Benefit,
    Campaign,
    Experiment,
    LifecycleTrigger,
    Metric,
    Partner,
    Program,
    Tier,
)

__all__ = [
    "ApproverAdmin",
    "DatasetAdmin",
    "DelegationAdmin",
    "LaunchProfileAdmin",
    "LoadProfileAdmin",
    "MessageTemplateAdmin",
    "PersonAdmin",
    "RunbookAdmin",
    "RunbookAlertAdmin",
    "RunbookTaskAdmin",
]


class TierInline(GovernedInline):
    model = Tier
    fields = ["rank", "name", "threshold", "earn_multiplier", "from_plan"]
    readonly_fields = ["from_plan"]


@admin.register(Program)
class ProgramAdmin(GovernedAdmin):
    form = SecondPersonForm
    list_display = ["name", "kind", "state", "owner", "currency", "is_default"]
    list_filter = ["kind", "state", "owner"]
    list_select_related = ["owner"]
    shortcuts = [
        ("Active", "?state=active"),
        ("Held", "?state=held"),
        ("Default of its kind", "?is_default=1"),
    ]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["owner", "assumptions_owner"]
    inlines = [TierInline]
    change_form_outer_before_template = "programs/_program_state.html"
    fieldsets = [
        (None, {"fields": ["name", "slug", "kind", "state", "is_default", "owner", "description"]}),
        (
            "Place",
            {
                "fields": [
                    "currency",
                    "country",
                    "subdivision",
                    "working_week",
                    "region",
                    "time_zone",
                    "reason",
                ]
            },
        ),
        (
            "Economics",
            {
                "fields": [
                    *ECONOMICS,
                    "assumptions_owner",
                ],
                "description": (
                    "The financial model reads these values. A value that nobody has measured is an "
                    "assumption."
                ),
            },
        ),
        (
            "Referrals",
            {
                "fields": ["banned_sources", "referral_rules"],
                "description": "The risk review reads these. A plan keeps the rules it started with.",
            },
        ),
        (
            "Tooling",
            {
                "fields": ["tooling"],
                "description": "Changes of these are told to every plan of the program that is not over.",
            },
        ),
    ]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_POST(self.perform))
        return [path("<int:pk>/do/<slug:name>/", view, name="programs_program_perform"), *super().get_urls()]

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The form, and what this person may do to the program's state now."""
        program = self.get_object(request, str(object_id)) if object_id else None
        with acting_in_admin(request):
            actions = fsm.actions(program, current().actor) if program else []
        told = {
            "actions_on_state": [action for action in actions if action.allowed],
            "currency_change": change_of_currency(program) if program else None,
        }
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **told})

    def perform(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        program = self.get_object(request, str(pk))
        if program is None:
            raise Http404("There is no such program.")
        said = request.POST.get("comment", "").strip()
        try:
            with acting_in_admin(request, said):
                fsm.perform(program, name, comment=said)
        except GtmError as error:
            tell(request, error)
        else:
            messages.success(request, f"{program} is {program.state}.")
        return HttpResponseRedirect(reverse("admin:programs_program_change", args=[pk]))


class BenefitInline(GovernedInline):
    model = Benefit
    fields = ["name", "kind", "unit_cost", "description"]


@admin.register(Tier)
class TierAdmin(GovernedAdmin):
    form = SecondPersonForm
    list_display = ["name", "program", "rank", "threshold", "earn_multiplier", "from_plan", "departs"]
    list_filter = ["program", "departs"]
    search_fields = ["name", "program__name"]
    list_select_related = ["program"]
    readonly_fields = ["from_plan", "departs"]
    inlines = [BenefitInline]


@admin.register(Benefit)
class BenefitAdmin(GovernedAdmin):
    form = SecondPersonForm
    list_display = ["name", "tier", "kind", "unit_cost", "departs"]
    list_filter = ["kind", "tier__program"]
    list_select_related = ["tier", "tier__program"]
    search_fields = ["name"]


@admin.register(LifecycleTrigger)
class LifecycleTriggerAdmin(GovernedAdmin):
    form = SecondPersonForm
    list_display = ["event", "stage", "action", "channel", "owner_role", "program", "from_plan", "departs"]
    list_filter = ["stage", "program", "channel", "owner_role"]
    search_fields = ["event", "action", "key"]
    list_select_related = ["owner_role", "program"]
    readonly_fields = ["from_plan", "departs"]


@admin.register(Partner)
class PartnerAdmin(GovernedAdmin):
    form = SecondPersonForm
    change_form_outer_before_template = "gtm/_panels.html"
    list_display = ["name", "tier", "country", "currency", "contact"]
    list_filter = ["tier", "country", "programs"]
    list_select_related = ["contact"]
    search_fields = ["name", "slug", "contact__name"]
    prepopulated_fields = {"slug": ["name"]}
    filter_horizontal = ["programs"]


@admin.register(Campaign)
class CampaignAdmin(GovernedAdmin):
    change_form_outer_before_template = "gtm/_panels.html"
    list_display = ["name", "program", "starts_on", "ends_on", "budget", "currency"]
    list_filter = ["program", "partners"]
    date_hierarchy = "starts_on"
    list_select_related = ["program"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    filter_horizontal = ["partners"]


@admin.register(Experiment)
class ExperimentAdmin(GovernedAdmin):
    list_display = ["name", "program", "metric", "starts_on", "ends_on"]
    list_filter = ["program", "metric"]
    list_select_related = ["program", "metric"]
    search_fields = ["name", "key"]


class MetricForm(ReasonedForm):
    class Meta:
        model = Metric
        fields = "__all__"


@admin.register(Metric)
class MetricAdmin(GovernedAdmin):
    form = MetricForm
    list_display = ["name", "unit", "direction", "threshold", "owner_role", "definition_version"]
    list_filter = ["direction", "unit", "owner_role"]
    list_select_related = ["owner_role"]
    search_fields = ["name", "key"]
    readonly_fields = ["definition_version"]
