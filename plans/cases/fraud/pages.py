"""Fraud cases: a question to people, with the evidence and what else it can be; two people on each."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from gtm.core import fsm
from gtm.core.actors import current
from gtm.core.admin import GovernedAdmin, ReadOnly, acting_in_admin, actions, tell
from gtm.core.errors import GtmError
from plans.cases.fraud import verbs
from plans.cases.fraud.models import FraudCase
from plans.drawing import badges
from plans.templatetags.gtm import money
from programs.admin.owners import OwnerForm


def _may_judge(request: HttpRequest) -> bool:
    return request.user.has_perm("plans.judge_fraudcase")


def _deed(name: str, title: str, icon: str) -> actions.Deed:
    """A judgement on several cases, each with the same comment. Evidence is given on a case's own page."""

    def perform(case: FraudCase, told: actions.Answers, seen: str) -> str:
        verbs.act(case, name, comment=told["reason"])
        return f"{case.get_state_display()}."

    form = actions.form_of(FraudCase, name)
    return actions.Deed(
        name, title, _may_judge, icon=icon, perform=perform, why_not=actions.why_not(name), form=form
    )


def _hand_over(case: FraudCase, told: actions.Answers, seen: str) -> str:
    verbs.hand_over(case, owner=told["owner"], comment=told["reason"])
    return f"now with {case.owner}."


actions.offer(
    FraudCase,
    lambda: [
        actions.Deed("hand_over_case", "Hand over", _may_judge, icon="person_add", perform=_hand_over,
                     why_not=verbs.why_no_handover, form=OwnerForm),
        _deed("hold", "Hold the rewards", "front_hand"),
        _deed("release", "Release", "lock_open"),
        _deed("confirm", "Confirm as fraud", "gavel"),
        _deed("appeal", "Record an appeal", "undo"),
    ],
)  # fmt: skip


@admin.register(FraudCase)
class FraudCaseAdmin(ReadOnly, GovernedAdmin):
    list_display = [
        "key",
        "kind",
        "program",
        "status",
        "owner",
        "score",
        "due",
        "expected",
        "created_at",
    ]
    list_filter = ["state", "kind", "program"]
    list_select_related = ["program", "owner"]
    search_fields = ["key", "plan__plan_id"]
    shortcuts = [
        ("Open", "?state__in=open,held,appealed"),
        ("Confirmed", "?state=confirmed"),
        ("Audit sample", "?kind=audit&state=open"),
    ]

    @admin.display(description="State", ordering="state")
    def status(self, case: FraudCase) -> str:
        return badges.badge(case)

    @admin.display(description="Rewards due in the case", ordering="at_risk")
    def due(self, case: FraudCase) -> str:
        return money(case.at_risk, case.currency)

    @admin.display(description="Expected loss", ordering="expected_loss")
    def expected(self, case: FraudCase) -> str:
        return money(case.expected_loss, case.currency)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        people = ["plan", "program", "owner", "opened_by", "held_by", "appealed_by", "decided_by"]
        cases = FraudCase.objects.select_related(*people)
        case = cases.filter(pk=object_id if object_id.isdigit() else 0).first()
        if case is None:
            raise Http404("There is no such fraud case.")
        with acting_in_admin(request):
            if request.method == "POST":
                self._judge(request, case)
                return HttpResponseRedirect(reverse("admin:plans_fraudcase_change", args=[case.pk]))
            actor = current().actor
            offered = fsm.actions(case, actor)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Fraud case {case.key}",
            "case": case,
            "status": badges.badge(case),
            "actions": [a for a in offered if a.allowed],
            "may_hand_over": not verbs.why_no_handover(actor, case),
            "refused": next((a.reasons[0] for a in offered if not a.allowed), ""),
        }
        return TemplateResponse(request, "plans/fraud_case.html", context)

    def _judge(self, request: HttpRequest, case: FraudCase) -> None:
        try:
            verbs.act(
                case,
                request.POST.get("judgement", ""),
                comment=request.POST.get("comment", "").strip(),
                evidence=[line for line in request.POST.get("evidence", "").splitlines() if line.strip()],
            )
        except GtmError as error:
            tell(request, error)
        else:
            messages.success(request, "Recorded.")
