"""Break-glass in the admin: ask at an approval, the second person agrees, somebody else reviews."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.text import capfirst

from gtm.core import fsm
from gtm.core.actors import current
from gtm.core.admin import GovernedAdmin, ReadOnly, acting_in_admin, tell
from gtm.core.errors import GtmError
from plans.admin.insiders import OurPeopleOnly
from plans.drawing import badges
from plans.engine.gates import break_glass
from plans.models import DECIDABLE_STATES, Approval, BreakGlass
from plans.selectors import break_glass_uses

ANSWERS = {
    "grant": lambda row, said: break_glass.agree(row, comment=said),
    "review": lambda row, said: break_glass.review(row, verdict=said),
}


@admin.register(BreakGlass)
class BreakGlassAdmin(OurPeopleOnly, ReadOnly, GovernedAdmin):
    list_display = ["__str__", "plan", "status", "asked_by", "agreed_by", "granted_at", "review_due_at"]
    list_filter = ["state"]
    list_select_related = ["approval__plan", "asked_by", "agreed_by"]
    search_fields = ["approval__plan__plan_id", "reason"]
    list_before_template = "plans/_break_glass_list.html"

    @admin.display(description="State", ordering="state")
    def status(self, row: BreakGlass) -> str:
        return badges.badge(row)

    @admin.display(description="Plan")
    def plan(self, row: BreakGlass) -> str:
        return row.approval.plan.plan_id

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        told = {"break_glass_on": settings.GTM_BREAK_GLASS, "owed": break_glass_uses(owed=True)}
        return super().changelist_view(request, {**(extra_context or {}), **told})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = break_glass_uses().filter(pk=object_id if object_id.isdigit() else 0).first()
        if row is None:
            raise Http404("There is no such use of break-glass.")
        with acting_in_admin(request):
            if request.method == "POST":
                self._answer(request, row)
                return HttpResponseRedirect(reverse("admin:plans_breakglass_change", args=[row.pk]))
            actions = fsm.actions(row, current().actor)
        return self.page(
            request,
            "plans/break_glass.html",
            capfirst(row),
            row=row,
            status=badges.badge(row),
            actions=[a for a in actions if a.allowed],
            refused=next((a.reasons[0] for a in actions if not a.allowed), ""),
        )

    def _answer(self, request: HttpRequest, row: BreakGlass) -> None:
        answer = ANSWERS.get(request.POST.get("answer", ""))
        if answer is None:
            messages.error(request, "Choose what to do.")
            return
        try:
            answer(row, request.POST.get("comment", "").strip())
        except GtmError as error:
            tell(request, error)
        else:
            messages.success(request, "Recorded.")


def offered(request: HttpRequest, approval: Approval) -> dict[str, Any]:
    """What the page of an approval shows of break-glass: the use that is open, or the form to ask for one."""
    return {
        "glass": approval.break_glass.exclude(state="expired").first(),
        "may_break_glass": settings.GTM_BREAK_GLASS
        and approval.state in DECIDABLE_STATES
        and request.user.has_perm("plans.use_break_glass"),
    }


def ask(request: HttpRequest, approval: Approval) -> HttpResponse:
    """Ask to let the plan past the round; answers the page of the use, or the approval with the refusal."""
    hours = request.POST.get("hours", "")
    try:
        with acting_in_admin(request):
            row = break_glass.ask(
                approval,
                reason=request.POST.get("reason", ""),
                hours=float(hours) if hours.replace(".", "", 1).isdigit() else 0,
            )
    except GtmError as error:
        tell(request, error)
        return HttpResponseRedirect(reverse("admin:plans_approval_change", args=[approval.pk]))
    messages.success(request, "Break-glass is requested. A second person with the permission must agree.")
    return HttpResponseRedirect(reverse("admin:plans_breakglass_change", args=[row.pk]))
