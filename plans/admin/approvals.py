"""Approvals: an inbox and a page made for thirty seconds on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from gtm.core import saved_views
from gtm.core.actors import current
from gtm.core.admin import GovernedAdmin, ReadOnly, acting_in_admin, own_lists, tell
from gtm.core.errors import GtmError
from gtm.core.identity import confirmation, factors, proof
from plans.admin import break_glass, changed
from plans.admin.entries import kinds_of, said_once
from plans.admin.forms import DecisionForm
from plans.admin.found import FoundByPlanId
from plans.admin.insiders import OurPeopleOnly
from plans.admin.page import outputs_of_tasks
from plans.admin.result import answer_context, chapters
from plans.admin.waiting import entries, lines, waiting
from plans.drawing import badges
from plans.engine.gates import eligibility, rework, rounds
from plans.engine.people import thread
from plans.engine.people.permissions import persons_of
from plans.models import Approval
from plans.selectors import PLAN_DOCUMENTS, answer_of, approvals_with_votes
from plans.templatetags.gtm import money

INBOX = "plans_inbox"
saved_views.offer(INBOX, "Waiting for me")


@admin.register(Approval)
class ApprovalAdmin(OurPeopleOnly, FoundByPlanId, ReadOnly, GovernedAdmin):
    list_display = ["title", "plan", "status", "round", "asked_for", "opened_at", "due_at"]
    list_filter = ["state", "gate"]
    list_select_related = ["plan"]
    list_defer = ("policy", "scope", "summary", *(f"plan__{name}" for name in PLAN_DOCUMENTS))
    search_fields = ["title", "plan__plan_id", "plan__objective"]
    shortcuts = [
        ("Open", "?state__in=pending,unsatisfiable,exhausted,frozen"),
        ("Nobody can decide", "?state=unsatisfiable"),
        ("Sent back", "?state=changes_requested"),
        ("Passed by break-glass", "?state=bypassed"),
    ]

    @admin.display(description="State", ordering="state")
    def status(self, approval: Approval) -> str:
        return badges.badge(approval)

    @admin.display(description="Amount", ordering="amount")
    def asked_for(self, approval: Approval) -> str:
        return f"{money(approval.amount, approval.currency)} a year" if approval.amount is not None else "–"

    def get_urls(self) -> list[Any]:
        return [
            path("inbox/", self.admin_site.admin_view(self.inbox), name=INBOX),
            path(
                "inbox/decide/",
                self.admin_site.admin_view(require_POST(self.decide_many)),
                name="plans_inbox_decide",
            ),
            path(
                "<int:pk>/break-glass/",
                self.admin_site.admin_view(require_POST(self.ask_break_glass)),
                name="plans_approval_break_glass",
            ),
            *super().get_urls(),
        ]

    def inbox(self, request: HttpRequest) -> HttpResponse:
        """Everything that waits for the reader, or what of it is of one kind."""
        if (at := own_lists.opened(request)) is not None:
            return at
        found, kind, about = entries(request), request.GET.get("kind", ""), request.GET.get("about", "")
        kinds = kinds_of(found)
        shown = lines(request)
        if kind in kinds:
            shown = [entry for entry in found if entry.kind == kind and about in ("", entry.about)]
        context = {
            "waiting": waiting(request),
            "entries": said_once(shown),
            "kinds": kinds,
            "kind": kind if kind in kinds else "",
            "about": about if kind in kinds else "",
            "number": sum(entry.count for entry in shown),
            "total": len(found),
            "saved": own_lists.shown(request),
            "bulk": any(entry.approval for entry in shown),
        }
        return self.page(request, "plans/inbox.html", "Waiting for me", **context)

    def decide_many(self, request: HttpRequest) -> HttpResponse:
        """One answer to several rounds, each decided on its own; what does not fit is told."""
        chosen = [int(pk) for pk in request.POST.getlist("approval") if pk.isdigit()]
        if not chosen:
            messages.error(request, "Choose at least one decision.")
        for approval in approvals_with_votes().filter(pk__in=chosen).order_by("pk"):
            try:
                with acting_in_admin(request):
                    rounds.decide_in_bulk(
                        approval,
                        request.POST.get("decision", ""),
                        comment=request.POST.get("comment", "").strip(),
                        seen_digest=request.POST.get(f"seen-{approval.pk}", ""),
                    )
            except GtmError as error:
                messages.error(request, f"{approval.plan.objective}:")
                tell(request, error)
            else:
                messages.success(request, f"{approval.title}, {approval.plan.objective}: recorded.")
        return HttpResponseRedirect(reverse("admin:plans_inbox"))

    def ask_break_glass(self, request: HttpRequest, pk: int) -> HttpResponse:
        return break_glass.ask(request, self._round(request, str(pk)))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        approval = self._round(request, object_id)
        ask_anew = approval.rules.reauthenticate
        ask_password = ask_anew and proof.is_by_password(request.user)
        with acting_in_admin(request):
            if rounds.lacks_second_factor(approval, current().actor):
                return self._ask_second_factor(request, approval)
            done = self._decide(request, approval, ask_password) if request.method == "POST" else None
            if done is not None:
                return done
            actions = rounds.available(approval, current().actor)
            people = persons_of(request.user)
            context = {
                "approval": approval,
                "status": badges.badge(approval),
                "actions": [a for a in actions if a.allowed],
                "refused": next((a.reasons[0] for a in actions if not a.allowed), ""),
                "bench": eligibility.bench_of(approval),
                "chapters": chapters(_shown(approval)),
                "thread": thread.messages_of(approval.plan),
                "plan": approval.plan,
                **answer_context(approval.plan, answer_of(approval.plan), request.user),
                **break_glass.offered(request, approval),
                **_changed(approval, people),
                "must_prove": ask_anew and not ask_password and not proof.stands(request),
                "reasons": rework.reasons_of(approval),
                "may_delegate": bool(actions) and request.user.has_perm("programs.add_delegation"),
                "form": DecisionForm(
                    initial={"scope_sha256": approval.scope_sha256}, ask_password=ask_password
                ),
            }
        return self.page(request, "plans/approval.html", approval.title, **context)

    def _ask_second_factor(self, request: HttpRequest, approval: Approval) -> HttpResponse:
        """What somebody who may decide sees before the session has shown a second factor."""
        shown = {
            "approval": approval,
            "has_factor": factors.has_one(request.user),
            "waits": confirmation.waits(request.user) and bool(factors.shown_in(request)),
            "what_to_do": confirmation.what_to_do(request.user),
        }
        return self.page(request, "plans/second_factor.html", approval.title, **shown)

    def _round(self, request: HttpRequest, object_id: str) -> Approval:
        if not self.has_view_permission(request):
            raise PermissionDenied
        approval = approvals_with_votes().filter(pk=object_id if object_id.isdigit() else 0).first()
        if approval is None:
            raise Http404("There is no such approval.")
        return approval

    def _decide(self, request: HttpRequest, approval: Approval, ask_password: bool) -> HttpResponse | None:
        form = DecisionForm(request.POST, ask_password=ask_password)
        form.is_valid()
        told = form.cleaned_data
        proved_at = proof.given(request, told.get("password")) if approval.rules.reauthenticate else None
        if ask_password and proved_at is None:
            messages.error(request, "The password is missing or wrong. Your decision was not recorded.")
            return None
        try:
            rounds.decide(
                approval,
                request.POST.get("decision", ""),
                comment=told.get("comment", ""),
                seen_digest=told.get("scope_sha256"),
                reauthenticated_at=proved_at,
            )
        except GtmError as error:
            tell(request, error)
            return None
        messages.success(request, f"{approval.title}: your decision is recorded.")
        return HttpResponseRedirect(reverse("admin:plans_inbox"))


def _changed(approval: Approval, people: Sequence[Any]) -> dict[str, Any]:
    """What differs from what this person saw, in words, and how much more than fits."""
    if not people or approval.round == 1:
        return {"changes": [], "more_changes": 0}
    changes, more = changed.in_words(rework.changes_since(approval, people[0]))
    return {"changes": changes, "more_changes": more}


def _shown(approval: Approval) -> list[dict[str, Any]]:
    """The outputs behind what is asked: those of the tasks whose results are in the scope."""
    return [o for o in outputs_of_tasks(approval.plan) if o["artifact"].task.output_var in approval.scope]
