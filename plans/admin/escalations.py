"""The escalation board: who was told, what is due, acknowledge and resolve."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse

from gtm.core import fsm
from gtm.core.actors import current
from gtm.core.admin import GovernedAdmin, ReadOnly, acting_in_admin, tell
from gtm.core.errors import GtmError, InvalidInput, Problem
from plans.admin.found import FoundByPlanId
from plans.admin.insiders import OurPeopleOnly
from plans.admin.page import named_rungs
from plans.drawing import badges
from plans.engine.escalation import ladder
from plans.models import Escalation
from plans.selectors import PLAN_DOCUMENTS, cases_with_people
from programs.models import Person


@admin.register(Escalation)
class EscalationAdmin(OurPeopleOnly, FoundByPlanId, ReadOnly, GovernedAdmin):
    list_display = ["subject", "plan", "status", "trigger", "rung", "due_at", "occurrences", "created_at"]
    list_filter = ["state", "trigger"]
    list_select_related = ["plan"]
    list_defer = ("ladder", "evidence", *(f"plan__{name}" for name in PLAN_DOCUMENTS))
    search_fields = ["subject", "plan__plan_id"]
    shortcuts = [
        ("Open", "?state__in=armed,notified,acknowledged,paused,exhausted"),
        ("Nobody has it", "?state__in=notified,exhausted"),
        ("Ladder exhausted", "?state=exhausted"),
    ]

    @admin.display(description="State", ordering="state")
    def status(self, case: Escalation) -> str:
        return badges.badge(case)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        case = cases_with_people().filter(pk=object_id if object_id.isdigit() else 0).first()
        if case is None:
            raise Http404("There is no such escalation.")
        with acting_in_admin(request):
            if request.method == "POST":
                self._answer(request, case)
                return HttpResponseRedirect(reverse("admin:plans_escalation_change", args=[case.pk]))
            context = {
                **self.admin_site.each_context(request),
                "title": case.subject,
                "case": case,
                "ladder": named_rungs(case.rungs, case.plan.program),
                "status": badges.badge(case),
                "actions": fsm.actions(case, current().actor),
                "firings": case.firings.all(),
                "able_to_take": ladder.able_to_take(case),
            }
        return TemplateResponse(request, "plans/escalation.html", context)

    def _answer(self, request: HttpRequest, escalation: Escalation) -> None:
        text = request.POST.get("comment", "").strip()
        try:
            match request.POST.get("answer"):
                case "resolve":
                    ladder.resolve(escalation, remediation=text)
                case "escalate_now":
                    ladder.escalate_now(escalation, comment=text)
                case "hand_over":
                    ladder.hand_over(escalation, owner=_chosen(request.POST), comment=text)
                case "wait":
                    ladder.wait(escalation, until=_time(request.POST), comment=text)
                case _:
                    ladder.acknowledge(escalation, comment=text)
        except GtmError as error:
            tell(request, error)
        else:
            messages.success(request, "Recorded.")


def _chosen(sent: QueryDict) -> Person:
    found = Person.objects.filter(pk=sent["owner"]).first() if sent.get("owner", "").isdigit() else None
    if found is None:
        raise InvalidInput("Nobody was chosen.", problems=[Problem("owner", "Choose a person.")])
    return found


def _time(sent: QueryDict) -> datetime:
    """The time typed, in the zone of whoever reads the page."""
    try:
        found = forms.DateTimeField().clean(sent.get("until", ""))
    except ValidationError as error:
        problem = Problem("until", f"“{sent.get('until', '')}” is no time; write it like 2026-12-01 14:00.")
        raise InvalidInput("The case does not wait.", problems=[problem]) from error
    return found
