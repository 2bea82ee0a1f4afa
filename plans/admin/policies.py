"""Policies and ladders in the admin: what is in force, propose another, and the second person's answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.forms.formsets import BaseFormSet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from gtm.core import fsm
from gtm.core.actors import current
from gtm.core.admin import GovernedAdmin, ReadOnly, acting_in_admin, tell
from gtm.core.errors import GtmError, NotFound
from plans.admin.bench import MOST_ROUNDS, Seats, initial_seats
from plans.admin.rota_fields import RotaFields, initial_rota
from plans.drawing import badges
from plans.engine.escalation import rota_texts
from plans.engine.gates import eligibility, preview
from plans.engine.gates import seats as policy
from plans.models import LADDER, MOST_RUNGS, PolicyVersion
from plans.runs import policies, registry
from plans.runs.policies import PolicyInForce
from plans.schemas.declaration import Command
from plans.schemas.rules import seats
from programs.models import Role

REJECTION = {
    "veto": "one rejection ends the round",
    "impossible": "rejections end the round when the seats can no longer be filled",
}
ANY_OF = ("role", "or_role", "or_another")
EXHAUSTION = {"hold": "the round waits for a late vote", "reject": "the round is rejected"}


def _narrow() -> UnfoldAdminSelectWidget:
    return UnfoldAdminSelectWidget(attrs={"style": "min-width:8rem"})


def _number(**rest: Any) -> forms.IntegerField:
    return forms.IntegerField(widget=UnfoldAdminTextInputWidget(attrs={"type": "number"}), **rest)


class PolicyReasonForm(forms.Form):
    reason = forms.CharField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        label="Why",
        help_text="This text goes into the change log.",
    )


class GateForm(PolicyReasonForm):
    """What a gate's policy says beside its seats."""

    hours = _number(min_value=1, max_value=policies.MOST_HOURS, label="Working hours to decide")
    on_reject = forms.ChoiceField(
        choices=list(REJECTION.items()), label="What a rejection does", widget=UnfoldAdminSelectWidget
    )
    on_exhausted = forms.ChoiceField(
        choices=list(EXHAUSTION.items()),
        label="If nobody on the ladder answers",
        widget=UnfoldAdminSelectWidget,
    )
    distinct_from = forms.MultipleChoiceField(
        required=False, label="Not by people who decided at", widget=forms.CheckboxSelectMultiple
    )
    field_order = ["hours", "on_reject", "on_exhausted", "distinct_from", "reason"]

    def __init__(self, *args: Any, others: Mapping[str, PolicyInForce], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["distinct_from"].choices = [(key, rule.title) for key, rule in others.items()]


class LadderForm(PolicyReasonForm):
    repeats = _number(
        min_value=0,
        max_value=registry.MOST_REPEATS,
        label="How often the ladder starts again when nobody answers",
    )
    field_order = ["repeats", "reason"]


class RungForm(RotaFields):
    """One rung of a proposed ladder; without a role or a rota it is none."""

    role = forms.ChoiceField(required=False, widget=_narrow())
    or_role = forms.ChoiceField(required=False, widget=_narrow())
    or_another = forms.ChoiceField(required=False, widget=_narrow())
    hours = _number(min_value=1, max_value=policies.MOST_HOURS, required=False)
    effect = forms.ChoiceField(choices=[(e, e) for e in policies.EFFECTS], required=False, widget=_narrow())

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        roles = [("", "–"), *Role.objects.values_list("slug", "name")]
        for name in ANY_OF:
            self.fields[name].choices = roles

    def rung(self) -> dict[str, Any]:
        told = self.cleaned_data
        named = dict.fromkeys(told[name] for name in ANY_OF if told.get(name))
        rung = {"roles": list(named), "hours": told.get("hours"), "effect": told.get("effect")}
        return rung | ({"rota": self.rota()} if told.get("rota_name") else {})

    def stands_for_nobody(self) -> bool:
        return not any(self.cleaned_data.get(name) for name in (*ANY_OF, "rota_name"))

    def of_roles(self) -> list[forms.BoundField]:
        return [self[name] for name in (*ANY_OF, "hours", "effect")]


Rungs: type[BaseFormSet] = forms.formset_factory(RungForm, extra=0, max_num=MOST_RUNGS)


@admin.register(PolicyVersion)
class PolicyVersionAdmin(ReadOnly, GovernedAdmin):
    list_display = ["__str__", "status", "proposed_by", "decided_by", "decided_at", "created_at"]
    list_filter = ["state", "command", "subject"]
    list_select_related = ["proposed_by", "decided_by"]
    search_fields = ["command", "subject", "reason"]
    shortcuts = [("Proposed", "?state=proposed"), ("In force", "?state=in_force")]

    @admin.display(description="State", ordering="state")
    def status(self, row: PolicyVersion) -> str:
        return badges.badge(row)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("in-force/", view(self.in_force), name="plans_policies"),
            path(
                "propose/<command:command>/<slug:subject>/", view(self.propose), name="plans_policy_propose"
            ),
            *super().get_urls(),
        ]

    def in_force(self, request: HttpRequest) -> HttpResponse:
        """What every command is run under today, and what is proposed instead."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        titles = dict(Role.objects.values_list("slug", "name"))
        open_ = PolicyVersion.objects.filter(state="proposed").select_related("proposed_by")
        proposed = {(row.command, row.subject): row for row in open_}
        groups = [
            (command, [(r, in_words(r, titles), proposed.get((command.key, r.subject))) for r in rules])
            for command in registry.all_commands()
            if (rules := policies.in_force(command).values())
        ]
        may = request.user.has_perm("plans.propose_policy")
        return self.page(
            request, "plans/policies.html", "Policies and ladders", groups=groups, may_propose=may
        )

    def propose(self, request: HttpRequest, command: str, subject: str) -> HttpResponse:
        """The form of a proposal, filled with what is in force or with what the bench was asked."""
        if not request.user.has_perm("plans.propose_policy"):
            raise PermissionDenied
        try:
            found = registry.get(command)
        except NotFound as error:
            raise Http404(" ".join(error.lines())) from error
        rules = policies.in_force(found)
        if subject not in rules:
            raise Http404(f"{found.path} has no such gate.")
        rule = rules.pop(subject)
        build = _ladder_forms if subject == LADDER else _gate_forms
        form, rows = build(request, rule, {k: r for k, r in rules.items() if k != LADDER})
        is_complete = request.method == "POST" and form.is_valid() and rows.is_valid()
        if is_complete and (row := self._proposed(request, found, rule, form, rows)):
            return HttpResponseRedirect(reverse("admin:plans_policyversion_change", args=[row.pk]))
        title = f"Another version: {rule.title}"
        context = {"command": found, "rule": rule, "form": form, "rows": rows, "ladder": LADDER}
        return self.page(request, "plans/policy_propose.html", title, **context)

    def _proposed(
        self, request: HttpRequest, command: Command, rule: PolicyInForce, form: forms.Form, rows: BaseFormSet
    ) -> PolicyVersion | None:
        told = dict(form.cleaned_data)
        reason = told.pop("reason")
        if rule.subject == LADDER:
            told["rungs"] = [form.rung() for form in rows if not form.stands_for_nobody()]
        else:
            seats = rule.text["seats"]
            told["seats"] = [form.seat(seats) for form in rows if form.cleaned_data.get("role")]
        try:
            with acting_in_admin(request, reason):
                row = policies.propose(command.key, rule.subject, told, reason=reason)
        except GtmError as error:
            tell(request, error)
            return None
        messages.success(
            request, "The version is proposed. Another person with the permission must adopt or reject it."
        )
        return row

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = PolicyVersion.objects.select_related("proposed_by", "decided_by")
        row = rows.filter(pk=object_id if object_id.isdigit() else 0).first()
        if row is None:
            raise Http404("There is no such policy.")
        with acting_in_admin(request):
            if request.method == "POST":
                self._answer(request, row)
                return HttpResponseRedirect(reverse("admin:plans_policyversion_change", args=[row.pk]))
            actions = fsm.actions(row, current().actor)
        context = {"row": row, "status": badges.badge(row), **compared(row), **tried(row)}
        context["actions"] = [a for a in actions if a.allowed]
        context["refused"] = [f"{a.title}: {' '.join(a.reasons)}" for a in actions if not a.allowed]
        return self.page(request, "plans/policy.html", str(row), **context)

    def _answer(self, request: HttpRequest, row: PolicyVersion) -> None:
        said = request.POST.get("comment", "").strip()
        try:
            policies.decide(row, request.POST.get("answer", ""), comment=said)
        except GtmError as error:
            tell(request, error)
        else:
            messages.success(request, f"The proposal is {row.get_state_display().lower()} now.")


# ------------------------------------------------------------------ forms


def _gate_forms(
    request: HttpRequest, rule: PolicyInForce, others: Mapping[str, PolicyInForce]
) -> tuple[GateForm, BaseFormSet]:
    said = request.POST if request.method == "POST" else request.GET
    form = GateForm(request.POST or None, initial={**rule.text}, others=others)
    seats = Seats(said) if "form-TOTAL_FORMS" in said else Seats(initial=initial_seats(rule))
    return form, seats


def _ladder_forms(
    request: HttpRequest, rule: PolicyInForce, others: Mapping[str, PolicyInForce]
) -> tuple[LadderForm, BaseFormSet]:
    form = LadderForm(request.POST or None, initial={"repeats": rule.text["repeats"]})
    rungs = [
        {**rung, **dict(zip(ANY_OF, rung["roles"], strict=False)), **initial_rota(rung.get("rota"))}
        for rung in rule.text["rungs"]
    ]
    return form, Rungs(request.POST or None, initial=[*rungs, {}, {}][:MOST_RUNGS])


# ------------------------------------------------------------------ words


def in_words(rule: PolicyInForce, titles: Mapping[str, str]) -> list[tuple[str, str]]:
    """A rule line by line, as label and sentence; ``titles`` maps roles to their names."""
    text = rule.text
    if rule.subject == LADDER:
        rungs = [
            (
                f"Rung {number}",
                f"{_who(rung, titles)}, {rung['effect']}, {rung['hours']} working hours",
            )
            for number, rung in enumerate(text["rungs"], start=1)
        ]
        return [*rungs, ("Starts over", f"{text['repeats']} times")]
    seats = [
        (
            f"Seat {number}",
            f"{seat['minimum']} × {titles.get(seat['role'], seat['role'])}, "
            f"{policy.describe(seat.get('condition'))}",
        )
        for number, seat in enumerate(text["seats"], start=1)
    ]
    return [
        *seats,
        ("Time to decide", f"{text['hours']} working hours"),
        ("A rejection", REJECTION[text["on_reject"]]),
        ("If nobody on the ladder answers", EXHAUSTION[text["on_exhausted"]]),
        ("Not by people who decided at", ", ".join(text["distinct_from"]) or "–"),
    ]


def _who(rung: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    rota = [rota_texts.in_words(rung["rota"])] if "rota" in rung else []
    return " or ".join([*(titles.get(slug, slug) for slug in rung["roles"]), *rota])


def compared(row: PolicyVersion) -> dict[str, Any]:
    """Line by line what is in force and what this version says."""
    titles = dict(Role.objects.values_list("slug", "name"))
    rule = _rule_in_force(row)
    mine = dict(in_words(PolicyInForce(row.subject, "", row.number, row.text), titles))
    theirs = dict(in_words(rule, titles)) if rule is not None else {}
    labels = dict.fromkeys([*max(mine, theirs, key=len), *mine, *theirs])
    lines = [
        {"label": label, "before": theirs.get(label, "–"), "after": mine.get(label, "–")} for label in labels
    ]
    for line in lines:
        line["differs"] = line["before"] != line["after"]
    return {"about": rule.title if rule else row.subject, "in_force": rule, "lines": lines}


def _rule_in_force(row: PolicyVersion) -> PolicyInForce | None:
    """What holds for the subject of a version, or None where its command or its gate is no more."""
    try:
        return policies.in_force(registry.get(row.command)).get(row.subject)
    except NotFound:
        return None


def tried(row: PolicyVersion) -> dict[str, Any]:
    """Of a gate's version: who could sit today, and what past rounds would have come to."""
    if row.subject == LADDER:
        return {}
    rounds = preview.past_rounds(row.command, row.subject)[:MOST_ROUNDS]
    found = preview.replay_policy(row.text["seats"], rounds, on_reject=row.text["on_reject"])
    today = eligibility.bench(seats(row.text["seats"]), {}, {})
    return {"past": len(found), "differing": [r for r in found if r.differs], "today": today}
