"""The policy bench: who must approve a plan, and why; what other seats would have asked of past plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.forms.formsets import BaseFormSet
from django.http import HttpRequest
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from plans.engine.gates import preview
from plans.models import LADDER, LIVE_PLAN_STATES, Plan
from plans.runs import policies, registry
from plans.runs.policies import PolicyInForce
from programs.models import Role

MOST_PLANS = 50
MOST_ROUNDS = 200


class SeatForm(forms.Form):
    """One seat of a proposed policy."""

    role = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget)
    minimum = forms.IntegerField(
        min_value=1, max_value=9, required=False, widget=UnfoldAdminTextInputWidget(attrs={"type": "number"})
    )
    over = forms.DecimalField(
        min_value=0, required=False, label="Only over, a year", widget=UnfoldAdminTextInputWidget
    )
    currency = forms.CharField(max_length=3, required=False, widget=UnfoldAdminTextInputWidget)

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        roles = Role.objects.values_list("slug", "name")
        self.fields["role"].choices = [("", "No seat"), *roles]

    def seat(self, seats: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The seat as policies write it; of ``seats``, as they are, it keeps what this form does not show."""
        told = self.cleaned_data
        same = [seat for seat in seats if seat["role"] == told["role"]]
        condition = next((s["condition"] for s in same if not _limit(s["condition"])), None)
        if told.get("over") is not None:
            condition = {"field": "amount", "over": str(told["over"]), "currency": told["currency"].upper()}
        why = next((s.get("why", "") for s in same if s["condition"] == condition), "")
        minimum = told.get("minimum") or 1
        return {"role": told["role"], "minimum": minimum, "condition": condition, "why": why}


Seats: type[BaseFormSet] = forms.formset_factory(SeatForm, extra=0, max_num=policies.MOST_SEATS)


def gates() -> dict[str, PolicyInForce]:
    """The policy in force at every gate there is, as "plugin:command/gate"."""
    return {
        f"{command.key}/{rule.subject}": rule
        for command in registry.all_commands()
        for rule in policies.in_force(command).values()
        if rule.subject != LADDER
    }


def who(request: HttpRequest) -> dict[str, Any]:
    """Context of "who must approve, and why" for a plan of the live ones."""
    plans = Plan.objects.select_related("program").order_by("-created_at")
    chosen = plans.filter(plan_id=request.GET.get("plan", "")).first()
    return {
        "plans": plans.filter(state__in=LIVE_PLAN_STATES)[:MOST_PLANS],
        "chosen": chosen,
        "asked": preview.who_must_approve(chosen) if chosen else [],
    }


def replay(request: HttpRequest) -> dict[str, Any]:
    """Context of the replay: a gate's seats, to change, and what past rounds would come to."""
    known = gates()
    where = request.GET.get("gate", "")
    if where not in known:
        return {"gates": known.items(), "where": ""}
    given = "form-TOTAL_FORMS" in request.GET
    rule, (command, _, gate) = known[where], where.partition("/")
    seats = Seats(request.GET) if given else Seats(initial=initial_seats(rule))
    context: dict[str, Any] = {"gates": known.items(), "where": where, "rule": rule, "seats": seats}
    if request.user.has_perm("plans.propose_policy"):
        context["propose"] = reverse("admin:plans_policy_propose", args=[command, gate])
    if seats.is_bound and seats.is_valid():
        proposed = [form.seat(rule.text["seats"]) for form in seats if form.cleaned_data.get("role")]
        if proposed:
            rows = preview.replay_policy(
                proposed, preview.past_rounds(command, gate)[:MOST_ROUNDS], on_reject=rule.text["on_reject"]
            )
            context |= {"rows": rows, "differing": sum(row.differs for row in rows)}
        else:
            context["nothing"] = True
    return context


def initial_seats(rule: PolicyInForce) -> list[dict[str, Any]]:
    """The seats as they are, and two empty ones."""
    seats = rule.text["seats"]
    found = [{"role": s["role"], "minimum": s["minimum"], **_limit(s["condition"])} for s in seats]
    return [*found, {}, {}][: policies.MOST_SEATS]


def _limit(condition: Any) -> dict[str, Any]:
    if not condition or condition.get("field") != "amount":
        return {}
    return {"over": condition.get("over"), "currency": condition.get("currency", "")}
