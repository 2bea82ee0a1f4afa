"""The rip-cord in the admin: pull it on a program or on everything; two people release it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.text import capfirst

from gtm.core import clock
from gtm.core.admin import GovernedAdmin, ReadOnly, acting_in_admin, tell
from gtm.core.errors import GtmError
from plans.admin.insiders import OurPeopleOnly
from plans.drawing import badges
from plans.engine.people.permissions import persons_of
from plans.engine.stopping import ripcord, stopped
from plans.models import LIVE_PLAN_STATES, Plan, RipcordPull
from programs.models import Program

WISHES = ("release", "abort")


@admin.register(RipcordPull)
class RipcordPullAdmin(OurPeopleOnly, ReadOnly, GovernedAdmin):
    list_display = ["__str__", "status", "reason", "pulled_by", "created_at", "agreed", "closed_at"]
    list_filter = ["state", "scope", "program"]
    list_select_related = ["plan", "program", "pulled_by"]
    search_fields = ["reason", "plan__plan_id", "program__name"]
    list_before_template = "plans/_ripcord_list.html"

    @admin.display(description="State", ordering="state")
    def status(self, row: RipcordPull) -> str:
        return badges.badge(row)

    @admin.display(description="Agreed to close it")
    def agreed(self, row: RipcordPull) -> str:
        return ", ".join(f"{one['name']} ({one['to']})" for one in row.released_by) or "–"

    def get_urls(self) -> list[Any]:
        return [
            path("pull/", self.admin_site.admin_view(self.pull), name="plans_ripcord_pull"),
            *super().get_urls(),
        ]

    def pull(self, request: HttpRequest) -> HttpResponse:
        """Stop a program or the whole installation. A single plan is stopped on its own page.

        ``?where=`` chooses a program; one that is stopped leads to its pull, where two people close it.
        """
        chosen = Program.objects.filter(slug=request.GET.get("where", "")).first()
        if chosen is not None and (pulled := stopped.open_pull_of(chosen)) is not None:
            return HttpResponseRedirect(reverse("admin:plans_ripcordpull_change", args=[pulled.pk]))
        if not request.user.has_perm("plans.pull_ripcord"):
            raise PermissionDenied("You need the permission to pull the rip-cord.")
        if request.method == "POST":
            where = request.POST.get("where", "")
            program = Program.objects.filter(slug=where).first()
            scope = "program" if program else "installation" if where == "everything" else ""
            reason = request.POST.get("reason", "").strip()
            try:
                with acting_in_admin(request, reason):
                    row = ripcord.pull(scope, program=program, reason=reason)
            except GtmError as error:
                tell(request, error)
            else:
                messages.warning(request, f"Stopped: {row}. Two people must release it.")
                return HttpResponseRedirect(reverse("admin:plans_ripcordpull_change", args=[row.pk]))
        live = Plan.objects.filter(state__in=LIVE_PLAN_STATES)
        programs = [(p, live.filter(program=p).count()) for p in Program.objects.order_by("name")]
        return self.page(
            request,
            "plans/ripcord_pull.html",
            "Pull the rip-cord",
            programs=programs,
            chosen=chosen,
            live=sum(number for _, number in programs),
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        pulls = RipcordPull.objects.select_related("plan__program", "program", "pulled_by")
        row = pulls.filter(pk=object_id if object_id.isdigit() else 0).first()
        if row is None:
            raise Http404("There is no such pull of the rip-cord.")
        if request.method == "POST":
            self._close(request, row)
            return HttpResponseRedirect(reverse("admin:plans_ripcordpull_change", args=[row.pk]))
        return self.page(
            request,
            "plans/ripcord.html",
            capfirst(row),
            row=row,
            status=badges.badge(row),
            agreed=[(wish, row.agreed_to(wish)) for wish in WISHES],
            mine=_agreed_by(request.user, row),
            may_release=row.state == "pulled" and request.user.has_perm("plans.release_ripcord"),
            now=clock.now(),
        )

    def _close(self, request: HttpRequest, row: RipcordPull) -> None:
        said = request.POST.get("remediation", "").strip()
        try:
            with acting_in_admin(request, said):
                if request.POST.get("answer") == "abort":
                    ripcord.abort(row.plan, reason=said, scope=row.scope, program=row.program)
                else:
                    ripcord.release(row.plan, remediation=said, scope=row.scope, program=row.program)
        except GtmError as error:
            tell(request, error)
            return
        row.refresh_from_db()
        told = "a second person has to agree." if row.state == "pulled" else f"{row.get_state_display()}."
        messages.success(request, f"Recorded: {told}")


def _agreed_by(user: Any, row: RipcordPull) -> str:
    """How this person has already agreed to end it, "" where they have not."""
    people = {person.pk for person in persons_of(user)}
    return next((agreed["to"] for agreed in row.released_by if agreed["person"] in people), "")
