"""The policy bench: who must approve a plan, and why; what other seats would have asked of past plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.formsets import BaseFormSet
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from plans.commands import registry
from plans.engine import bench
from plans.models import LIVE_PLAN_STATES, Plan
from plans.schemas.declaration import Gate
from programs.models import Role

MOST_PLANS = 50
MOST_ROUNDS = 200
MOST_SEATS = 6


class SeatForm(forms.Form):
    """One seat of a proposed policy."""

    role = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget)
    minimum = forms.IntegerField(
        min_value=1, max_value=9, required=False, widget=UnfoldAdminTextInputWidget(attrs={"type": "number"})
    )
    over = forms.DecimalField(
        min_value=0, required=False, label="Only over", widget=UnfoldAdminTextInputWidget
    )
    currency = forms.CharField(max_length=3, required=False, widget=UnfoldAdminTextInputWidget)

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        roles = Role.objects.values_list("slug", "name")
        self.fields["role"].choices = [("", "No seat"), *roles]

    def seat(self, kept: Mapping[str, Any]) -> dict[str, Any]:
        """The seat as policies write it; a condition that is no limit stays as declared (``kept``)."""
        told = self.cleaned_data
        condition = kept.get(told["role"])
        if told.get("over") is not None:
            condition = {"field": "amount", "over": str(told["over"]), "currency": told["currency"].upper()}
        return {"role": told["role"], "minimum": told.get("minimum") or 1, "condition": condition}


Seats: type[BaseFormSet] = forms.formset_factory(SeatForm, extra=0, max_num=MOST_SEATS)


def gates() -> dict[str, Gate]:
    """Every gate there is, as "command/gate"."""
    return {
        f"{command.name}/{step.gate.key}": step.gate
        for command in registry.all_commands()
        for step in command.steps
        if step.gate is not None
    }


def who(request: HttpRequest) -> dict[str, Any]:
    """Context of "who must approve, and why" for a plan of the live ones."""
    plans = Plan.objects.select_related("program").order_by("-created_at")
    chosen = plans.filter(plan_id=request.GET.get("plan", "")).first()
    return {
        "plans": plans.filter(state__in=LIVE_PLAN_STATES)[:MOST_PLANS],
        "chosen": chosen,
        "asked": bench.who_must_approve(chosen) if chosen else [],
    }


def replay(request: HttpRequest) -> dict[str, Any]:
    """Context of the replay: a gate's seats, to change, and what past rounds would come to."""
    known = gates()
    where = request.GET.get("gate", "")
    if where not in known:
        return {"gates": known.items(), "where": ""}
    given = "form-TOTAL_FORMS" in request.GET
    seats = Seats(request.GET) if given else Seats(initial=_initial(known[where]))
    context: dict[str, Any] = {"gates": known.items(), "where": where, "seats": seats}
    if seats.is_bound and seats.is_valid():
        kept = {s.role: s.condition for s in known[where].seats if not _condition(s.condition)}
        proposed = [form.seat(kept) for form in seats if form.cleaned_data.get("role")]
        command, _, gate = where.partition("/")
        if proposed:
            rows = bench.replay_policy(
                proposed, bench.past_rounds(command, gate)[:MOST_ROUNDS], on_reject=known[where].on_reject
            )
            context |= {"rows": rows, "differing": sum(row.differs for row in rows)}
        else:
            context["nothing"] = True
    return context


def _initial(gate: Gate) -> list[dict[str, Any]]:
    """The seats as they are, and two empty ones."""
    found = [{"role": s.role, "minimum": s.minimum, **_condition(s.condition)} for s in gate.seats]
    return [*found, {}, {}][:MOST_SEATS]


def _condition(condition: Any) -> dict[str, Any]:
    if not condition or condition.get("field") != "amount":
        return {}
    return {"over": condition.get("over"), "currency": condition.get("currency", "")}
