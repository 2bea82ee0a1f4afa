"""Changes by two people in the admin: what is proposed, what was made single-handed, and the answer to it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from gtm.core import fsm
from gtm.core.actors import current
from gtm.core.admin import GovernedAdmin, ReadOnly, acting_in_admin, tell
from gtm.core.errors import GtmError
from plans.drawing import badges
from plans.engine.people import authority
from programs.models import UNSETTLED_CHANGE_STATES, GuardedChange, Person, two_people


@admin.register(GuardedChange)
class GuardedChangeAdmin(ReadOnly, GovernedAdmin):
    list_display = ["what", "status", "kind", "proposed_by", "decided_by", "decided_at", "created_at"]
    list_filter = ["state", "kind"]
    list_select_related = ["decided_by"]
    search_fields = ["what", "reason", "requested_label"]
    shortcuts = [
        ("Proposed", "?state=proposed"),
        ("Single-handed, not confirmed", "?state=single_handed"),
    ]

    @admin.display(description="State", ordering="state")
    def status(self, row: GuardedChange) -> str:
        return badges.badge(row)

    @admin.display(description="Proposed by", ordering="requested_label")
    def proposed_by(self, row: GuardedChange) -> str:
        return row.requested_label

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = GuardedChange.objects.select_related("requested_by", "decided_by")
        row = rows.filter(pk=object_id if object_id.isdigit() else 0).first()
        if row is None:
            raise Http404("There is no such change.")
        with acting_in_admin(request):
            if request.method == "POST":
                self._answer(request, row)
                return HttpResponseRedirect(reverse("admin:programs_guardedchange_change", args=[row.pk]))
            actions = fsm.actions(row, current().actor)
        people = Person.objects.filter(pk__in=row.people)
        waits = row.state in UNSETTLED_CHANGE_STATES
        others = authority.who_could_agree(row) if waits else []
        context = {"row": row, "status": badges.badge(row), "lines": _lines(row), "people": people}
        context |= {"waits": waits, "others": others}
        context["actions"] = [a for a in actions if a.allowed]
        context["refused"] = [f"{a.title}: {' '.join(a.reasons)}" for a in actions if not a.allowed]
        return self.page(request, "plans/guarded_change.html", str(row), **context)

    def _answer(self, request: HttpRequest, row: GuardedChange) -> None:
        said = request.POST.get("comment", "").strip()
        try:
            authority.decide(row, request.POST.get("answer", ""), comment=said)
        except GtmError as error:
            tell(request, error)
        else:
            messages.success(request, f"The change is {row.get_state_display().lower()} now.")


def _lines(row: GuardedChange) -> list[dict[str, Any]]:
    """What is written, with names in place of numbers: the second person agrees to nothing else."""
    model = apps.get_model(row.entity)
    if row.verb == two_people.LINK:
        name = row.values["field"]
        linked = model._meta.get_field(name).related_model
        return [
            {"label": f"{name.replace('_', ' ')}, {said}", "before": "", "after": _names(linked, numbers)}
            for verb, said in (("add", "added"), ("remove", "taken away"))
            if (numbers := row.values.get(verb))
        ]
    relations = {f.attname: f.related_model for f in model._meta.concrete_fields if f.related_model}
    return [
        {
            "label": name.removesuffix("_id").replace("_", " "),
            "before": _named(relations.get(name), row.before.get(name, "")),
            "after": _named(relations.get(name), value),
        }
        for name, value in row.values.items()
        if row.before or value not in (None, "", [])
    ]


def _named(model: Any, value: Any) -> Any:
    return value if model is None or value in (None, "") else _names(model, [value])


def _names(model: Any, numbers: Collection[Any]) -> str:
    """Whom or what these numbers are; one that is gone stays a number."""
    found = {str(row.pk): str(row) for row in model._base_manager.filter(pk__in=numbers)}
    return ", ".join(found.get(str(number), f"number {number}") for number in numbers)
