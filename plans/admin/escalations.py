"""The escalation board: who was told, what is due, acknowledge and resolve."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from gtm.core import fsm
from gtm.core.actors import current
from gtm.core.admin import GovernedAdmin, ReadOnly, acting_in_admin, tell
from gtm.core.errors import GtmError
from plans.admin.found import FoundByPlanId
from plans.admin.page import named_rungs
from plans.drawing import badges
from plans.engine.escalation import ladder
from plans.models import Escalation
from plans.selectors import PLAN_DOCUMENTS, cases_with_people


@admin.register(Escalation)
class EscalationAdmin(FoundByPlanId, ReadOnly, GovernedAdmin):
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
                "ladder": named_rungs(case.rungs),
                "status": badges.badge(case),
                "actions": fsm.actions(case, current().actor),
                "firings": case.firings.all(),
            }
        return TemplateResponse(request, "plans/escalation.html", context)

    def _answer(self, request: HttpRequest, case: Escalation) -> None:
        text = request.POST.get("comment", "").strip()
        try:
            if request.POST.get("answer") == "resolve":
                ladder.resolve(case, remediation=text)
            else:
                ladder.acknowledge(case, comment=text)
        except GtmError as error:
            tell(request, error)
        else:
            messages.success(request, "Recorded.")
