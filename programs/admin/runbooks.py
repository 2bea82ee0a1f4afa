"""Runbooks in the admin: tasks and alerts of launches, edited as data; each change is a new version."""

from __future__ import annotations

from django.contrib import admin

from gtm.core.admin import GovernedAdmin, GovernedInline
from gtm.core.admin.lines import AS_LINES
from programs.models import Runbook, RunbookAlert, RunbookTask


class RunbookTaskInline(GovernedInline):
    model = RunbookTask
    formfield_overrides = AS_LINES
    fields = [
        "position",
        "key",
        "name",
        "phase",
        "responsible",
        "accountable",
        "needs",
        "optimistic_days",
        "likely_days",
        "pessimistic_days",
        "days_after_launch",
        "is_blocker",
        "adds_gate",
    ]


class RunbookAlertInline(GovernedInline):
    model = RunbookAlert
    fields = [
        "position",
        "key",
        "name",
        "dashboard",
        "condition",
        "threshold",
        "owner",
        "response_minutes",
        "response",
    ]


@admin.register(Runbook)
class RunbookAdmin(GovernedAdmin):
    list_display = ["title", "program_kind", "channel", "definition_version", "is_active"]
    list_filter = ["program_kind", "is_active"]
    search_fields = ["title", "channel"]
    readonly_fields = ["definition_version"]
    formfield_overrides = AS_LINES
    fieldsets = [
        (None, {"fields": ["title", "program_kind", "channel", "is_active", "definition_version"]}),
        (
            "Sessions, reviews and looks",
            {
                "fields": ["sessions", "without_sessions", "reviews", "without_reviews", "looks"],
                "description": (
                    "One after the other, the first line of each with a dash: “- key: sales-training”, "
                    "under it “  title: Sales training”. Put a text with a colon in quotes."
                ),
            },
        ),
    ]
    inlines = [RunbookTaskInline, RunbookAlertInline]


@admin.register(RunbookTask)
class RunbookTaskAdmin(GovernedAdmin):
    formfield_overrides = AS_LINES
    list_display = ["name", "runbook", "phase", "group", "responsible", "accountable", "is_blocker", "weight"]
    list_filter = ["runbook", "phase", "responsible"]
    list_select_related = ["runbook", "responsible", "accountable"]
    search_fields = ["name", "key"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "runbook",
                    "position",
                    "key",
                    "name",
                    "purpose",
                    "phase",
                    "adds_gate",
                    "group",
                    "needs",
                ]
            },
        ),
        ("Who", {"fields": ["responsible", "accountable", "substitute", "consulted", "informed"]}),
        (
            "When",
            {
                "fields": [
                    "optimistic_days",
                    "likely_days",
                    "pessimistic_days",
                    "wait_days",
                    "not_before_days",
                    "outside",
                    "days_after_launch",
                ],
                "description": (
                    "Business days of the person who does it. From the launch day on, these are days "
                    "after the launch."
                ),
            },
        ),
        ("Readiness", {"fields": ["evidence", "weight", "is_blocker"]}),
    ]


@admin.register(RunbookAlert)
class RunbookAlertAdmin(GovernedAdmin):
    list_display = ["name", "runbook", "dashboard", "condition", "threshold", "owner", "response_minutes"]
    list_filter = ["runbook", "owner"]
    list_select_related = ["runbook", "owner"]
    search_fields = ["name", "key"]
