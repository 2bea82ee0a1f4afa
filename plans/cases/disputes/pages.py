"""Published attribution and its disputes: claim, evidence, answer, the sign-off of every partner.

Partners' contacts come here too. Each sees its own records and the disputes of its campaigns, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from gtm.core import clock, fsm
from gtm.core.actors import current
from gtm.core.admin import GovernedAdmin, ReadOnly, acting_in_admin, actions, tell
from gtm.core.errors import GtmError
from plans.cases.disputes import verbs
from plans.cases.disputes.models import AttributionRecord, Dispute
from plans.cases.disputes.selectors import visible_attribution, visible_disputes
from plans.drawing import badges
from plans.templatetags.gtm import money
from programs.admin.owners import OwnerForm
from programs.selectors import partners_of


class ClaimForm(forms.Form):
    """What a partner disputes of its record."""

    deal = forms.CharField(
        max_length=240,
        widget=UnfoldAdminTextInputWidget,
        help_text="The identifier of the deal in your books",
    )
    claim = forms.CharField(max_length=4000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))
    evidence = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="The evidence for the claim, one sentence per line",
    )

    def clean_evidence(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["evidence"].splitlines() if line.strip()]


class VisibleOnly(ReadOnly):
    """Rows of a selector: list, page, history and export show what the person may see, and no other."""

    visible: Callable[[Any], QuerySet[Any]]  # of a user

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return self.visible(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if not super().has_view_permission(request, obj):  # type: ignore[misc]
            return False
        return obj is None or self.visible(request.user).filter(pk=obj.pk).exists()

    def find(self, request: HttpRequest, object_id: str) -> Any:
        """The row, for who may see it. Raises PermissionDenied without the permission, else Http404."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self.visible(request.user).filter(pk=object_id if object_id.isdigit() else 0).first()
        if found is None:
            raise Http404("There is nothing here that you may see.")
        return found


@admin.register(AttributionRecord)
class AttributionRecordAdmin(VisibleOnly, GovernedAdmin):
    list_display = [
        "partner", "campaign", "window", "model", "sourced", "influenced", "credited", "dispute_until",
    ]  # fmt: skip
    list_filter = [("campaign", admin.RelatedOnlyFieldListFilter), "model"]
    search_fields = ["partner__name", "campaign__name", "plan__plan_id"]

    def visible(self, user: Any) -> QuerySet[Any]:
        return visible_attribution(user)

    @admin.display(description="Window", ordering="window_end")
    def window(self, record: AttributionRecord) -> str:
        return f"{record.window_start} to {record.window_end}"

    @admin.display(description="Pipeline sourced", ordering="sourced_pipeline")
    def sourced(self, record: AttributionRecord) -> str:
        return money(record.sourced_pipeline, record.currency)

    @admin.display(description="Pipeline influenced", ordering="influenced_pipeline")
    def influenced(self, record: AttributionRecord) -> str:
        return money(record.influenced_pipeline, record.currency)

    @admin.display(description="Pipeline credited", ordering="credited_pipeline")
    def credited(self, record: AttributionRecord) -> str:
        return money(record.credited_pipeline, record.currency)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        record = self.find(request, object_id)
        speaks = record.partner in partners_of(request.user)
        form = ClaimForm(request.POST or None) if speaks else None
        if request.method == "POST":
            if form is None:
                raise PermissionDenied
            if form.is_valid() and (filed := self._file(request, record, form)):
                return HttpResponseRedirect(reverse("admin:plans_dispute_change", args=[filed.pk]))
        claims = visible_disputes(request.user).filter(record__plan=record.plan)
        context = {
            **self.admin_site.each_context(request),
            "title": str(record),
            "record": record,
            "disputes": [(found, badges.badge(found)) for found in claims],
            "form": form if record.is_disputable_at(clock.now()) else None,
            "may_see_plan": request.user.has_perm("plans.view_plan"),
        }
        return TemplateResponse(request, "plans/attribution_record.html", context)

    def _file(self, request: HttpRequest, record: AttributionRecord, form: ClaimForm) -> Dispute | None:
        try:
            with acting_in_admin(request):
                filed = verbs.file(record, record.partner, **form.cleaned_data)
        except GtmError as error:
            tell(request, error)
            return None
        messages.success(request, "The dispute is filed. The governance board is notified.")
        return filed


def _may_see(request: HttpRequest) -> bool:
    return request.user.has_perm("plans.answer_dispute") or bool(partners_of(request.user))


def _deed(name: str, title: str, icon: str) -> actions.Deed:
    """What one of the parties, or ours, says to several disputes."""

    def perform(dispute: Dispute, told: actions.Answers, seen: str) -> str:
        verbs.act(dispute, name, told["reason"])
        return f"{dispute.get_state_display()}."

    form = actions.form_of(Dispute, name)
    return actions.Deed(
        name, title, _may_see, icon=icon, perform=perform, why_not=actions.why_not(name), form=form
    )


def _may_answer(request: HttpRequest) -> bool:
    return request.user.has_perm("plans.answer_dispute")


def _hand_over(dispute: Dispute, told: actions.Answers, seen: str) -> str:
    verbs.hand_over(dispute, owner=told["owner"], comment=told["reason"])
    return f"now with {dispute.owner}."


actions.offer(
    Dispute,
    lambda: [
        actions.Deed("hand_over_dispute", "Hand over", _may_answer, icon="person_add", perform=_hand_over,
                     why_not=verbs.why_no_handover, form=OwnerForm),
        _deed("answer", "Answer", "reply"),
        _deed("agree", "Sign off", "draw"),
        _deed("withdraw", "Withdraw", "undo"),
    ],
)  # fmt: skip


@admin.register(Dispute)
class DisputeAdmin(VisibleOnly, GovernedAdmin):
    list_display = ["deal", "claimant", "campaign", "status", "signatures", "created_at", "closed_at"]
    list_filter = ["state", ("claimant", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["deal", "claim", "record__plan__plan_id"]

    def visible(self, user: Any) -> QuerySet[Any]:
        return visible_disputes(user)

    @admin.display(description="State", ordering="state")
    def status(self, dispute: Dispute) -> str:
        return badges.badge(dispute)

    @admin.display(description="Campaign", ordering="record__campaign__name")
    def campaign(self, dispute: Dispute) -> str:
        return dispute.record.campaign.name

    @admin.display(description="Signed off by")
    def signatures(self, dispute: Dispute) -> str:
        return ", ".join(signed["name"] for signed in dispute.signed_off) or "–"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        dispute = self.find(request, object_id)
        with acting_in_admin(request):
            if request.method == "POST":
                self._act(request, dispute)
                return HttpResponseRedirect(reverse("admin:plans_dispute_change", args=[dispute.pk]))
            # Settling is what the last signature does: one button signs, whoever comes last.
            actor = current().actor
            offered = [a for a in fsm.actions(dispute, actor) if a.name != "settle"]
        signed = {one["partner"]: one for one in dispute.signed_off}
        context = {
            **self.admin_site.each_context(request),
            "title": f"Dispute of {dispute.claimant} on {dispute.deal}",
            "dispute": dispute,
            "record": dispute.record,
            "status": badges.badge(dispute),
            "signatures": [(p, signed.get(p.slug)) for p in dispute.record.parties],
            "actions": [a for a in offered if a.allowed],
            "may_hand_over": not verbs.why_no_handover(actor, dispute),
            "refused": next((a.reasons[0] for a in offered if not a.allowed), ""),
            "may_see_plan": request.user.has_perm("plans.view_plan"),
            "may_see_record": visible_attribution(request.user).filter(pk=dispute.record_id).exists(),
        }
        return TemplateResponse(request, "plans/dispute.html", context)

    def _act(self, request: HttpRequest, dispute: Dispute) -> None:
        try:
            verbs.act(dispute, request.POST.get("act", ""), request.POST.get("said", "").strip())
        except GtmError as error:
            tell(request, error)
        else:
            messages.success(request, "Recorded.")
