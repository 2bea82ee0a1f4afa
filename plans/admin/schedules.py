"""Schedules and what came of each time they were due."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from gtm.core.admin import GovernedAdmin, ReadOnly, acting_in_admin, tell
from gtm.core.errors import GtmError
from plans.admin.insiders import OurPeopleOnly
from plans.drawing import badges
from plans.models import Schedule, ScheduledRun
from plans.runs import registry, schedules, start
from plans.schemas import cron

# The bells behind the schedules have no page of their own: a schedule is governed, a bell is not.
admin.site.unregister([PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule])

WORKED_OUT = ("due_when", "next_due_at", "owner")


class ScheduleForm(forms.ModelForm):
    """A command from the list; its inputs as options of a usage line. What fits is the model's business."""

    command = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    inputs = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="As on a usage line: --goal retention --tiers 3",
    )

    class Meta:
        model = Schedule
        fields = ["name", "command", "program", "inputs", "crontab", "catch_up", "is_active"]

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["command"].choices = [
            (c.key, f"{c.title} ({c.program_kind} programs)") for c in registry.all_commands()
        ]
        if self.instance.pk:
            self.initial["inputs"] = as_options(self.instance.inputs)
            self.initial["command"] = registry.key_of(self.instance.command)

    def clean(self) -> dict[str, Any]:
        """Take the options apart; what they are worth is said by the model's own check."""
        told = super().clean()
        if "command" not in told:
            return told
        options = f"{registry.get(told['command']).path} {told.get('inputs', '')}"
        try:
            _, told["inputs"] = start.parse_usage(options)
        except GtmError as error:
            for line in error.lines():
                self.add_error("inputs", line)
        return told


def as_options(inputs: Mapping[str, Any]) -> str:
    """Inputs as they would stand on a usage line."""
    texts = {n: ",".join(map(str, v)) if isinstance(v, list) else str(v) for n, v in inputs.items()}
    return " ".join(f"--{name} {shlex.quote(text)}" for name, text in texts.items())


@admin.register(Schedule)
class ScheduleAdmin(OurPeopleOnly, GovernedAdmin):
    form = ScheduleForm
    shortcuts = [("Switched on", "?is_active=1"), ("Switched off", "?is_active=0")]
    list_display = ["name", "command", "program", "due_when", "next_due_at", "catch_up", "owner", "is_active"]
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
        "due_when",
        "next_due_at",
        "owner",
    ]
    readonly_fields = WORKED_OUT

    @admin.display(description="Due", ordering="crontab")
    def due_when(self, schedule: Schedule) -> str:
        """The crontab line in words."""
        if not schedule.program_id:
            return "-"
        words = cron.explain(schedule.crontab)
        return f"{words}, {schedule.program.time_zone} time" if words else "Only at times that were booked"


@admin.register(ScheduledRun)
class ScheduledRunAdmin(OurPeopleOnly, ReadOnly, GovernedAdmin):
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
