"""Rotas in the admin: who is on call in the next weeks, and the overrides that two people make."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextareaWidget

from gtm.core.admin import GovernedAdmin, tell
from gtm.core.errors import InvalidInput
from plans.engine.escalation import rota_texts, shifts
from plans.runs import on_call
from programs.admin.forms import SecondPersonForm
from programs.models import RotaOverride


class OverrideForm(SecondPersonForm):
    reason = forms.CharField(
        max_length=200,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="The second person reads it, and the schedule shows it",
    )


@admin.register(RotaOverride)
class RotaOverrideAdmin(GovernedAdmin):
    form = OverrideForm
    list_display = ["rota", "person", "starts_at", "ends_at", "reason"]
    list_filter = ["rota"]
    list_select_related = ["person"]
    search_fields = ["rota", "person__name", "reason"]
    autocomplete_fields = ["person"]
    fields = ["rota", "person", "starts_at", "ends_at", "reason"]

    def get_urls(self) -> list[Any]:
        return [
            path("schedule/", self.admin_site.admin_view(self.schedule), name="plans_rotas"),
            *super().get_urls(),
        ]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name == "rota":
            known = sorted(on_call.names())
            field.help_text = f"One of: {', '.join(known)}" if known else "No ladder has a rota yet"
        return field

    def schedule(self, request: HttpRequest) -> HttpResponse:
        """Every rota of a ladder in force, with its turns of the next weeks, its gaps and its overrides."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = request.GET.get("weeks", "")
        weeks = int(asked) if asked.isdecimal() else on_call.WEEKS
        try:
            found = on_call.schedules(weeks)
        except InvalidInput as error:
            tell(request, error)
            weeks = on_call.WEEKS
            found = on_call.schedules(weeks)
        rows = [
            {
                "standing": one,
                "words": rota_texts.in_words_of(one.rota),
                "zones": [(zone, len(shifts.gaps(zone.shifts))) for zone in one.zones],
            }
            for one in found
        ]
        context = {
            "rows": rows,
            "weeks": weeks,
            "choices": (1, 4, 8, 12),
            "here": timezone.get_current_timezone_name(),
        }
        return self.page(request, "plans/rotas.html", "Rotas", **context)
