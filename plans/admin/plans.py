"""The pages of plans: the plan itself, live, its downloads, the bench and the directory."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import RangeDateFilter

from gtm.core import clock, fsm
from gtm.core.admin import GovernedAdmin, ReadOnly, acting_in_admin, tell
from gtm.core.bounded.work import MEBIBYTE, Bounds, work
from gtm.core.errors import GtmError, NotFound
from gtm.core.evidence import departures
from plans.admin import bench, compare, directory, evidence, whole_table
from plans.admin.establish import EstablishPage
from plans.admin.found import FoundByPlanId
from plans.admin.page import STEERING, changes_of, named_rungs, page_of
from plans.admin.plan_cases import cases_of
from plans.admin.program_setup import ProgramSetupPages
from plans.admin.result import result_of, revise_url
from plans.admin.runs import RunPages
from plans.drawing import badges, timeline
from plans.engine.people import thread
from plans.engine.stopping import ripcord
from plans.export import envelope, files, render, tools, verifier
from plans.models import CHANGEABLE_PLAN_STATES, FINAL_PLAN_STATES, Plan, of_command
from plans.runs import follow_up
from plans.schemas import skills
from plans.selectors import PLAN_DOCUMENTS

TABS = (
    ("outputs", "Result"),
    ("timeline", "Timeline and attempts"),
    ("rules", "Checklist and rules"),
    ("changes", "Change log"),
)
REPORTS = {
    "pdf": ("plans.export.report:pdf", "application/pdf"),
    "xlsx": ("plans.export.workbook:xlsx", render.MEDIA_TYPES["xlsx"]),
}
"""How each is made, loaded when somebody asks for it, and its media type."""
REPORT = Bounds(
    "Making the report", "Take the plan JSON, or single outputs as CSV.", seconds=60, memory=1024 * MEBIBYTE
)
MOST_OTHERS = 50


@admin.register(Plan)
class PlanAdmin(RunPages, EstablishPage, ProgramSetupPages, FoundByPlanId, ReadOnly, GovernedAdmin):
    list_display = ["plan_id", "status", "objective", "command", "program", "requested_by", "created_at"]
    list_filter = ["state", "command", "plugin", "program", ("created_at", RangeDateFilter)]
    list_select_related = ["program", "requested_by"]
    sortable_by = ["plan_id", "created_at"]  # what an index answers; filters do the rest
    search_fields = ["plan_id", "objective"]
    list_defer = ("usage", "inputs", *PLAN_DOCUMENTS)
    shortcuts = [
        ("Live", "?state__in=in_review,changes_requested,approved,running,blocked,paused,held,aborting"),
        ("Waits for changes", "?state=changes_requested"),
        ("Stopped", "?state__in=held,paused,aborting"),
        ("Blocked", "?state=blocked"),
        ("Finished", "?state__in=succeeded,succeeded_degraded"),
        ("Ended without success", "?state__in=failed,rejected,aborted,cancelled"),
    ]

    @admin.display(description="State", ordering="state")
    def status(self, plan: Plan) -> str:
        return badges.badge(plan)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            *self.run_urls(),
            path("establish/", view(self.establish), name="plans_establish"),
            path("set-up/", view(self.set_up), name="plans_set_up"),
            path("set-up/<slug:slug>/<slug:step>/", view(self.set_up), name="plans_set_up_step"),
            path("directory/", view(self.directory), name="plans_directory"),
            path("skills/", view(self.skills), name="plans_skills"),
            path("bench/", view(self.bench), name="plans_bench"),
            path("bench/replay/", view(self.replay), name="plans_bench_replay"),
            path("<int:pk>/live/", view(self.live), name="plans_plan_live"),
            path("<int:pk>/outputs/", view(self.outputs), name="plans_plan_outputs"),
            path("<int:pk>/output/<int:artifact>/", view(self.table), name="plans_plan_table"),
            path("<int:pk>/say/", view(require_POST(self.say)), name="plans_plan_say"),
            path(
                "<int:pk>/backlog/<int:rank>/", view(require_POST(self.start_item)), name="plans_plan_backlog"
            ),
            path("<int:pk>/evidence/", view(self.evidence), name="plans_plan_evidence"),
            path("verifier/", view(self.verifier), name="plans_verifier"),
            path("<int:pk>/json/", view(self.download_json), name="plans_plan_json"),
            path("<int:pk>/report.<str:fmt>", view(self.report), name="plans_plan_report"),
            path("<int:pk>/compare/", view(self.compare), name="plans_plan_compare"),
            path("<int:pk>/output/<int:artifact>.<str:fmt>", view(self.download), name="plans_plan_output"),
            path("<int:pk>/chart/<int:artifact>.svg", view(self.picture), name="plans_plan_picture"),
            path("<int:pk>/do/<slug:action>/", view(require_POST(self.act)), name="plans_plan_act"),
            *super().get_urls(),
        ]

    # -------------------------------------------------------------- the bench

    def bench(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.page(request, "plans/bench.html", "Who must approve, and why", **bench.who(request))

    def directory(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("programs.view_approver"):
            raise PermissionDenied
        return self.page(request, "plans/directory.html", "Approvers and substitutes", **directory.context())

    def skills(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = list(skills.every().values())
        return self.page(request, "plans/skills.html", "Skills and their procedures", skills=found)

    def replay(self, request: HttpRequest) -> HttpResponse:
        """Read-only, so a GET: the address of a proposed policy and its answer can be sent to others."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = bench.replay(request)
        return self.page(request, "plans/bench_replay.html", "Test a policy on past plans", **context)

    # -------------------------------------------------------------- the plan

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        plan = self._plan(request, int(object_id) if object_id.isdigit() else 0)
        tab = request.GET.get("tab", "outputs")
        with acting_in_admin(request):
            context = {**page_of(plan, request.user), "tab": tab, "tabs": TABS}
        if tab == "changes":
            asked = request.GET.get("before", "")
            before = int(asked[:18]) if asked.isdecimal() else None
            context |= {"changes": changes_of(plan, before), "is_further_down": before is not None}
        elif tab == "timeline":
            tasks = [task for task, _ in context["tasks"]]
            context["bars"] = found = timeline.bars(tasks, clock.now())
            context["timeline"] = mark_safe(timeline.draw(found))  # noqa: S308 - texts are escaped
        elif tab == "rules":
            context |= {
                "rules": plan.rules,
                "ladder": named_rungs(plan.rules.ladder, plan.program),
                "tools": tools.of_plan(plan),
            }
        else:
            with acting_in_admin(request):
                context |= result_of(plan, request.user)
            context["case_lists"] = cases_of(plan, request.user)
        context["changeable"] = plan.state in CHANGEABLE_PLAN_STATES
        context["revise_url"] = revise_url(plan, request.user)
        return self.page(request, "plans/plan.html", plan.objective, **context)

    def live(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The part of the page that moves, for htmx; 286 tells it to stop asking."""
        plan = self._plan(request, pk)
        with acting_in_admin(request):
            context = {**self.admin_site.each_context(request), **page_of(plan, request.user)}
        status = 286 if plan.state in FINAL_PLAN_STATES else 200
        response = TemplateResponse(request, "plans/_live.html", context, status=status)
        known = request.GET.get("done"), request.GET.get("state", plan.state)
        if known != (str(context["done"]), plan.state):
            response["HX-Trigger"] = "task-done"
        return response

    def outputs(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The result alone, fetched again when a task has finished."""
        plan = self._plan(request, pk)
        with acting_in_admin(request):
            context = {**page_of(plan, request.user), **result_of(plan, request.user)}
        told = {"is_swapped": True, "revise_url": revise_url(plan, request.user)}
        return TemplateResponse(request, "plans/_outputs.html", context | told)

    def table(self, request: HttpRequest, pk: int, artifact: int) -> HttpResponse:
        """One output whole: searched, sorted, a page at a time."""
        plan = self._plan(request, pk)
        row = plan.artifacts.select_related("task").filter(pk=artifact).first()
        if row is None:
            raise Http404("There is no such output.")
        context = {"plan": plan, "output": {"artifact": row}, **whole_table.page_of(row.payload, request.GET)}
        return self.page(request, "plans/table.html", row.title, **context)

    def say(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A question or an answer in the thread; back to the page it was written on."""
        plan = self._plan(request, pk)
        try:
            with acting_in_admin(request):
                thread.say(plan, request.POST.get("message", ""))
        except GtmError as error:
            tell(request, error)
        else:
            messages.success(request, "Your message is kept, and the people concerned are told.")
        back, home = request.POST.get("next", ""), reverse("admin:plans_plan_change", args=[plan.pk])
        is_ours = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
        return HttpResponseRedirect(f"{back if is_ours else home}#thread")

    def act(self, request: HttpRequest, pk: int, action: str) -> HttpResponse:
        plan = self._plan(request, pk)
        comment = request.POST.get("comment", "").strip()
        try:
            with acting_in_admin(request, comment):
                if action == "ripcord":
                    ripcord.pull("plan", plan=plan, reason=comment)
                elif action == "release":
                    ripcord.release(plan, remediation=comment)
                elif action in STEERING:
                    fsm.perform(plan, action, comment=comment)
                else:
                    raise Http404
        except GtmError as error:
            tell(request, error)
        else:
            messages.success(request, f"{plan.plan_id}: done.")
        return HttpResponseRedirect(reverse("admin:plans_plan_change", args=[plan.pk]))

    def start_item(self, request: HttpRequest, pk: int, rank: int) -> HttpResponse:
        """Make an item of the backlog a task; a second click opens the same task."""
        plan = self._plan(request, pk)
        try:
            with acting_in_admin(request):
                task = follow_up.start(plan, rank)
        except GtmError as error:
            tell(request, error)
            return HttpResponseRedirect(reverse("admin:plans_plan_change", args=[plan.pk]))
        return HttpResponseRedirect(reverse("admin:plans_task_change", args=[task.pk]))

    def download_json(self, request: HttpRequest, pk: int) -> HttpResponse:
        plan = self._plan(request, pk)
        raw, form, media_type, suffix = files.export(plan), "json", "application/json", "json"
        if request.GET.get("as") == "envelope":
            form, media_type, suffix = envelope.FORM, envelope.MEDIA_TYPE, envelope.SUFFIX
            try:
                raw = envelope.wrap(raw)
            except GtmError as error:
                tell(request, error)
                return HttpResponseRedirect(reverse("admin:plans_plan_evidence", args=[plan.pk]))
        with acting_in_admin(request):
            departures.record(plan, f"plan JSON of {plan.plan_id}", raw, form=form)
        response = HttpResponse(raw, content_type=media_type)
        response["Content-Disposition"] = f'attachment; filename="{plan.plan_id}.{suffix}"'
        return response

    def evidence(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What is proved of the plan, by what, and what is not. Read-only, so a GET, key and witness too."""
        plan = self._plan(request, pk)
        context = {"plan": plan, **evidence.of_plan(plan, request.GET)}
        return self.page(request, "plans/evidence.html", f"What is proved of {plan.plan_id}", **context)

    def verifier(self, request: HttpRequest) -> HttpResponse:
        """The program for auditors, to take to another machine."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        response = HttpResponse(verifier.verifier_text(), content_type="text/x-python")
        response["Content-Disposition"] = f'attachment; filename="{verifier.FILE}"'
        return response

    def report(self, request: HttpRequest, pk: int, fmt: str) -> HttpResponse:
        """The whole plan to print or to take into a spreadsheet."""
        plan = self._plan(request, pk)
        if fmt not in REPORTS:
            raise Http404("A plan report is available as pdf and xlsx.")
        make, media_type = REPORTS[fmt]
        payloads = plan.artifacts.filter(superseded_at=None).order_by("task__position", "position")
        document, outputs = json.loads(files.read(plan)), list(payloads.values_list("payload", flat=True))
        content = work(make, document, outputs, bounds=REPORT)
        with acting_in_admin(request):
            departures.record(plan, f"report of {plan.plan_id}", content, form=fmt)
        response = HttpResponse(content, content_type=media_type)
        response["Content-Disposition"] = f'attachment; filename="{plan.plan_id}.{fmt}"'
        return response

    def compare(self, request: HttpRequest, pk: int) -> HttpResponse:
        plan = self._plan(request, pk)
        others = (
            Plan.objects.filter(**of_command(plan.command_key))
            .exclude(pk=pk)
            .select_related("program", "requested_by")
        )
        other = others.filter(plan_id=request.GET.get("with", "")).first()
        context = {
            "plan": plan,
            "other": other,
            "others": others.order_by("-created_at")[:MOST_OTHERS],
            "sections": compare.sections(plan, other, only="only" in request.GET) if other else [],
            "only": "only" in request.GET,
        }
        return self.page(request, "plans/compare.html", f"Compare: {plan.objective}", **context)

    def download(self, request: HttpRequest, pk: int, artifact: int, fmt: str) -> HttpResponse:
        plan = self._plan(request, pk)
        row = plan.artifacts.filter(pk=artifact).first()
        if row is None or fmt not in render.formats_of(row.payload):
            raise Http404("There is no such output.")
        try:
            rendered = render.render(row.payload, fmt, row.specification)
        except NotFound as error:
            raise Http404(error.detail) from error
        with acting_in_admin(request):
            what = f"output {row.key} of {plan.plan_id}"
            departures.record(plan, what, rendered.content, form=rendered.suffix)
        response = HttpResponse(rendered.content, content_type=rendered.media_type)
        response["Content-Disposition"] = f'attachment; filename="{plan.plan_id}-{row.key}.{rendered.suffix}"'
        response["X-Content-Type-Options"] = "nosniff"
        return response

    def picture(self, request: HttpRequest, pk: int, artifact: int) -> HttpResponse:
        """A chart of the page for a browser that runs no script: a part of the page, not a download."""
        row = self._plan(request, pk).artifacts.filter(pk=artifact, kind="chart").first()
        if row is None:
            raise Http404("There is no such chart.")
        rendered = render.render(row.payload, "svg", row.specification)
        return HttpResponse(rendered.content, content_type=rendered.media_type)

    def _plan(self, request: HttpRequest, pk: int) -> Plan:
        if not self.has_view_permission(request):
            raise PermissionDenied
        plan = (
            Plan.objects.select_related("program", "requested_by__service_account__owner", "campaign")
            .filter(pk=pk)
            .first()
        )
        if plan is None:
            raise Http404("There is no such plan.")
        return plan
