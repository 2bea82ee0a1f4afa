"""Rules: where each counter stands, every reading behind it, and the correction of a wrong value."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse

from gtm.core.admin import GovernedAdmin, ReadOnly, acting_in_admin, tell
from gtm.core.errors import GtmError
from plans.admin.insiders import OurPeopleOnly
from plans.drawing import badges
from plans.engine.alarms import readings
from plans.engine.alarms.overview import rule_overviews
from plans.models import Breach, Reading
from plans.runs.reading_units import in_words, unit_of, value_in_words

LAST = 12  # readings shown beside a counter
HOW_WRITTEN = {"%": "as a share of 1: 0.055 is 5.5 %"}
"""Unit → how a corrected value is to be written, where that differs from how it is shown."""


@admin.register(Reading)
class ReadingAdmin(OurPeopleOnly, ReadOnly, GovernedAdmin):
    list_display = [
        "rule",
        "program",
        "command",
        "window",
        "period",
        "status",
        "value_in_words",
        "plan",
        "created_at",
    ]
    list_filter = ["verdict", "command", "program", "rule", "window"]
    list_select_related = ["program", "plan"]
    search_fields = ["rule", "period", "plan__plan_id"]
    shortcuts = [("Breached", "?verdict=breached"), ("Missing", "?verdict=missing")]
    ordering = ["-created_at"]

    @admin.display(description="Verdict", ordering="verdict")
    def status(self, reading: Reading) -> str:
        return badges.verdict(reading)

    @admin.display(description="Value", ordering="value")
    def value_in_words(self, reading: Reading) -> str:
        return value_in_words(reading)

    def get_urls(self) -> list[Any]:
        return [
            path("rules/", self.admin_site.admin_view(self.rules), name="plans_rules"),
            *super().get_urls(),
        ]

    def rules(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = [
            {
                "rule": one,
                "last": [(r, badges.verdict(r), value_in_words(r)) for r in one.readings[-LAST:]],
            }
            for one in rule_overviews()
        ]
        return self.page(request, "plans/rules.html", "Rules and breaches", rows=rows)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        readings = Reading.objects.select_related("plan", "program", "task")
        reading = readings.filter(pk=object_id if object_id.isdigit() else 0).first()
        if reading is None:
            raise Http404("There is no such reading.")
        if request.method == "POST":
            self._correct(request, reading)
            return HttpResponseRedirect(reverse("admin:plans_reading_change", args=[reading.pk]))
        unit = unit_of(reading)
        rows = reading.history.select_related("history_user").order_by("-history_date", "-history_id")
        return self.page(
            request,
            "plans/reading.html",
            str(reading),
            reading=reading,
            value=in_words(reading.value, unit),
            written_in=HOW_WRITTEN.get(unit, unit),
            status=badges.verdict(reading),
            may_correct=request.user.has_perm("plans.operate_plan"),
            history=[(row, in_words(row.value, unit)) for row in rows],
        )

    def _correct(self, request: HttpRequest, reading: Reading) -> None:
        said = request.POST.get("comment", "").strip()
        try:
            with acting_in_admin(request, said):
                readings.correct(
                    reading,
                    value=request.POST.get("value", "").strip(),
                    breached=request.POST.get("verdict") == "breached",
                    comment=said,
                )
        except GtmError as error:
            tell(request, error)
        else:
            messages.success(request, "The value is corrected. The period counts once, with the new value.")


@admin.register(Breach)
class BreachAdmin(OurPeopleOnly, ReadOnly, GovernedAdmin):
    list_display = [
        "rule",
        "program",
        "command",
        "window",
        "period",
        "value_in_words",
        "message",
        "created_at",
        "cleared_at",
    ]
    list_filter = [("cleared_at", admin.EmptyFieldListFilter), "command", "program", "rule", "window"]
    list_select_related = ["program"]
    search_fields = ["rule", "period", "message", "plan__plan_id"]
    ordering = ["-created_at"]

    @admin.display(description="Value", ordering="value")
    def value_in_words(self, breach: Breach) -> str:
        return value_in_words(breach)
