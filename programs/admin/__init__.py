"""What is governed, in the admin. One registration a model; rules live in the models."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from gtm.core.admin import GovernedAdmin, GovernedInline
from programs.admin.datasets import DatasetAdmin
from programs.admin.launch import LaunchProfileAdmin, MessageTemplateAdmin
from programs.models import (
    Absence,
    Approver,
    Benefit,
    Campaign,
    Delegation,
    Experiment,
    LifecycleTrigger,
    Metric,
    Partner,
    Person,
    Program,
    Role,
    Tier,
)

__all__ = ["DatasetAdmin", "LaunchProfileAdmin", "MessageTemplateAdmin"]


class TierInline(GovernedInline):
    model = Tier
    fields = ["rank", "name", "threshold", "earn_multiplier", "from_plan"]
    readonly_fields = ["from_plan"]


@admin.register(Program)
class ProgramAdmin(GovernedAdmin):
    list_display = ["name", "kind", "state", "owner", "currency", "is_default"]
    list_filter = ["kind", "state"]
    list_select_related = ["owner"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["owner"]
    inlines = [TierInline]
    fieldsets = [
        (None, {"fields": ["name", "slug", "kind", "state", "is_default", "owner", "description"]}),
        ("Place", {"fields": ["currency", "country", "region", "time_zone"]}),
        (
            "Economics",
            {
                "fields": [
                    "gross_margin",
                    "platform_cost_monthly",
                    "points_per_currency_unit",
                    "point_face_value",
                    "point_unit_cost",
                    "redemption_rate_assumption",
                ],
                "description": "What the financial model reads. A figure nobody measured is an assumption.",
            },
        ),
    ]


class BenefitInline(GovernedInline):
    model = Benefit
    fields = ["name", "kind", "unit_cost", "description"]


@admin.register(Tier)
class TierAdmin(GovernedAdmin):
    list_display = ["name", "program", "rank", "threshold", "earn_multiplier", "from_plan"]
    list_filter = ["program"]
    list_select_related = ["program"]
    readonly_fields = ["from_plan"]
    inlines = [BenefitInline]


@admin.register(Benefit)
class BenefitAdmin(GovernedAdmin):
    list_display = ["name", "tier", "kind", "unit_cost"]
    list_filter = ["kind", "tier__program"]
    list_select_related = ["tier", "tier__program"]
    search_fields = ["name"]


@admin.register(LifecycleTrigger)
class LifecycleTriggerAdmin(GovernedAdmin):
    list_display = ["event", "stage", "action", "channel", "owner_role", "program", "from_plan"]
    list_filter = ["stage", "program"]
    list_select_related = ["owner_role", "program"]
    readonly_fields = ["from_plan"]


@admin.register(Partner)
class PartnerAdmin(GovernedAdmin):
    list_display = ["name", "tier", "country", "currency", "contact"]
    list_select_related = ["contact"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    filter_horizontal = ["programs"]


@admin.register(Campaign)
class CampaignAdmin(GovernedAdmin):
    list_display = ["name", "program", "starts_on", "ends_on", "budget", "currency"]
    list_select_related = ["program"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    filter_horizontal = ["partners"]


@admin.register(Experiment)
class ExperimentAdmin(GovernedAdmin):
    list_display = ["name", "program", "metric", "starts_on", "ends_on"]
    list_select_related = ["program", "metric"]
    search_fields = ["name", "key"]


@admin.register(Metric)
class MetricAdmin(GovernedAdmin):
    list_display = ["name", "unit", "direction", "threshold", "owner_role", "definition_version"]
    list_select_related = ["owner_role"]
    search_fields = ["name", "key"]
    readonly_fields = ["definition_version"]


@admin.register(Role)
class RoleAdmin(GovernedAdmin):
    list_display = ["name", "slug", "group", "handles_money_or_law"]
    list_select_related = ["group"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}


class ApproverInline(GovernedInline):
    model = Approver
    fields = ["role", "limit_amount", "limit_currency", "valid_from", "valid_until"]


@admin.register(Person)
class PersonAdmin(GovernedAdmin):
    list_display = ["name", "email", "country", "time_zone", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name", "email"]
    filter_horizontal = ["accounts"]
    inlines = [ApproverInline]


@admin.register(Approver)
class ApproverAdmin(GovernedAdmin):
    list_display = ["person", "role", "limit_amount", "limit_currency", "valid_from", "valid_until"]
    list_filter = ["role"]
    list_select_related = ["person", "role"]
    search_fields = ["person__name", "role__name"]
    autocomplete_fields = ["person", "role"]


@admin.register(Absence)
class AbsenceAdmin(GovernedAdmin):
    list_display = ["person", "starts_at", "ends_at", "substitute", "note"]
    list_select_related = ["person", "substitute"]
    autocomplete_fields = ["person", "substitute"]


@admin.register(Delegation)
class DelegationAdmin(GovernedAdmin):
    list_display = [
        "principal",
        "delegate",
        "role",
        "amount_cap",
        "currency",
        "starts_at",
        "ends_at",
        "revoked_at",
    ]
    list_select_related = ["principal", "delegate", "role"]
    autocomplete_fields = ["principal", "delegate", "role"]
    readonly_fields = ["revoked_at"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A delegation is revoked, not deleted: who decided for whom must stay readable."""
        return False
