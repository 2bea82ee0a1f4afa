"""Schedules and what came of each time they were due."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from gtm.core.admin import GovernedAdmin, ReadOnly, acting_in_admin, tell
from gtm.core.errors import GtmError
from plans.admin import badges
from plans.commands import schedules
from plans.models import Schedule, ScheduledRun

WORKED_OUT = ("next_due_at", "owner")


@admin.register(Schedule)
class ScheduleAdmin(GovernedAdmin):
    list_display = ["name", "command", "program", "crontab", "next_due_at", "catch_up", "owner", "is_active"]
    list_filter = ["command", "program", "is_active"]
    list_select_related = ["program", "owner"]
    search_fields = ["name", "command"]
    fields = [
        "name",
        "command",
        "program",
        "inputs",
        "crontab",
        "catch_up",
        "is_active",
        "next_due_at",
        "owner",
    ]
    readonly_fields = WORKED_OUT


@admin.register(ScheduledRun)
class ScheduledRunAdmin(ReadOnly, GovernedAdmin):
    list_display = ["schedule", "due_at", "status", "plan", "reason"]
    list_filter = ["state", "schedule"]
    list_select_related = ["schedule", "plan"]
    actions = ["run_after_all"]

    @admin.display(description="State", ordering="state")
    def status(self, run: ScheduledRun) -> str:
        return badges.badge(run)

    @admin.action(description="Run after all", permissions=["operate"])
    def run_after_all(self, request: HttpRequest, runs: QuerySet[ScheduledRun]) -> None:
        for run in runs:
            try:
                with acting_in_admin(request):
                    schedules.run_after_all(run, comment="Run after all, from the admin")
            except GtmError as error:
                tell(request, error)
            else:
                messages.success(request, f"{run}: started.")

    def has_operate_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("plans.operate_plan")
