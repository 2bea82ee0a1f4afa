"""The pages of plans: what can be run, a command's form and preview, the plan itself, live."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from gtm.core import fsm
from gtm.core.admin import GovernedAdmin, ReadOnly, acting_in_admin, tell
from gtm.core.errors import GtmError, InvalidInput, NotFound
from plans.admin import badges
from plans.admin.forms import CommandForm
from plans.admin.page import STEERING, Preview, changes_of, outputs_of, page_of
from plans.commands import base, follow_up, registry, revision
from plans.engine import ripcord
from plans.export import files, render
from plans.models import FINAL_PLAN_STATES, Decision, DecisionKind, Plan
from plans.schemas.inputs import read_inputs
from programs.selectors import default_program

TABS = (("outputs", "Outputs"), ("rules", "Checklist and rules"), ("changes", "Change log"))


@admin.register(Plan)
class PlanAdmin(ReadOnly, GovernedAdmin):
    list_display = ["plan_id", "status", "objective", "command", "program", "requested_by", "created_at"]
    list_filter = ["state", "command", "program"]
    list_select_related = ["program", "requested_by"]
    search_fields = ["plan_id", "objective"]
    date_hierarchy = "created_at"

    @admin.display(description="State", ordering="state")
    def status(self, plan: Plan) -> str:
        return badges.badge(plan)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("run/", view(self.run_index), name="plans_run"),
            path("run/line/", view(require_POST(self.run_line)), name="plans_run_line"),
            path("run/<slug:name>/", view(self.run_command), name="plans_run_command"),
            path("<int:pk>/live/", view(self.live), name="plans_plan_live"),
            path("<int:pk>/outputs/", view(self.outputs), name="plans_plan_outputs"),
            path("<int:pk>/revise/", view(self.revise), name="plans_plan_revise"),
            path(
                "<int:pk>/backlog/<int:rank>/", view(require_POST(self.start_item)), name="plans_plan_backlog"
            ),
            path("<int:pk>/json/", view(self.download_json), name="plans_plan_json"),
            path("<int:pk>/output/<int:artifact>.<str:fmt>", view(self.download), name="plans_plan_output"),
            path("<int:pk>/do/<slug:action>/", view(require_POST(self.act)), name="plans_plan_act"),
            *super().get_urls(),
        ]

    # -------------------------------------------------------------- run

    def run_index(self, request: HttpRequest) -> HttpResponse:
        _need_operator(request)
        return self._page(request, "plans/run_index.html", "Run", commands=registry.all_commands())

    def run_line(self, request: HttpRequest) -> HttpResponse:
        """A pasted usage line opens the form of its command, filled in."""
        _need_operator(request)
        try:
            command, _ = base.parse_usage(request.POST.get("usage", ""))
        except GtmError as error:
            tell(request, error)
            return HttpResponseRedirect(reverse("admin:plans_run"))
        query = urlencode({"usage": request.POST["usage"].strip()})
        return HttpResponseRedirect(f"{reverse('admin:plans_run_command', args=[command.name])}?{query}")

    def run_command(self, request: HttpRequest, name: str) -> HttpResponse:
        """Form → dry run → start. A usage line fills the form; a recent run can be copied from."""
        _need_operator(request)
        try:
            command = registry.get(name)
        except NotFound as error:
            raise Http404(error.detail) from error
        line = (request.POST.get("usage") or request.GET.get("usage") or command.example).strip()
        form, preview = self._form(request, command), None
        if request.method == "POST" and request.POST.get("step") == "read-line":
            form = self._form_from_line(request, command, line, _default_slug(command))
        elif request.method == "POST" and form.is_valid():
            try:
                with acting_in_admin(request):
                    draft = base.prepare(command, form.given(), form.cleaned_data["program"])
                    if request.POST.get("step") == "start":
                        plan = base.start(draft, idempotency_key=_key(request))
                        return HttpResponseRedirect(reverse("admin:plans_plan_change", args=[plan.pk]))
                    preview = Preview.of(draft)
            except InvalidInput as error:
                _to_fields(form, error)
            except GtmError as error:
                tell(request, error)
        recent = (
            Plan.objects.filter(command=command.name).select_related("program").order_by("-created_at")[:5]
        )
        return self._page(
            request, "plans/run_command.html", command.title, command=command, form=form, preview=preview,
            recent=recent, usage=line,
        )  # fmt: skip

    def _form(self, request: HttpRequest, command: Any) -> CommandForm:
        if request.method == "POST":
            return CommandForm(command, request.POST)
        initial: dict[str, Any] = {i.name: i.default for i in command.inputs if i.default is not None}
        copied = request.GET.get("copy")
        if copied and (plan := Plan.objects.filter(plan_id=copied, command=command.name).first()):
            initial |= {i.name: i.write(plan.inputs[i.name]) for i in command.inputs if i.name in plan.inputs}
            initial["program"] = plan.program.slug
        else:
            initial["program"] = _default_slug(command)
        if line := request.GET.get("usage"):
            return self._form_from_line(request, command, line, initial.get("program", ""))
        return CommandForm(command, initial=initial)

    def _form_from_line(
        self, request: HttpRequest, command: Any, line: str, program: str = ""
    ) -> CommandForm:
        try:
            found, given = base.parse_usage(line)
        except GtmError as error:
            tell(request, error)
            return CommandForm(command, initial={"program": program})
        if found.name != command.name:
            messages.warning(request, f"The line runs {found.path}; open that command instead.")
            return CommandForm(command, initial={"program": program})
        _, problems = read_inputs(command.inputs, given, {})
        for problem in problems:
            messages.error(request, f"{problem.field.replace('_', ' ')}: {problem.sentence()}")
        return CommandForm(command, initial={**given, "program": program})

    def revise(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer a request for changes: other inputs, newer data, or words alone."""
        _need_operator(request)
        plan = self._plan(request, pk)
        command = registry.get(plan.command, plan.plugin)
        comment = request.POST.get("comment", "").strip()
        initial = {i.name: i.write(plan.inputs[i.name]) for i in command.inputs if plan.inputs.get(i.name)}
        form = CommandForm(command, request.POST or None, initial=initial)
        if request.method == "POST" and form.is_valid():
            given = form.given()
            changed = {i.name: given.get(i.name) for i in command.inputs if _differs(i.name, given, initial)}
            try:
                with acting_in_admin(request, comment):
                    revision.revise(plan, changed, comment=comment, fresh_data="fresh_data" in request.POST)
                messages.success(request, f"{plan.plan_id} is back at its gates.")
                return HttpResponseRedirect(reverse("admin:plans_plan_change", args=[plan.pk]))
            except InvalidInput as error:
                _to_fields(form, error)
            except GtmError as error:
                tell(request, error)
        asked = Decision.objects.filter(
            approval__plan=plan, kind=DecisionKind.REQUEST_CHANGES, superseded_at=None
        ).select_related("person")
        told = {"plan": plan, "form": form, "asked": asked, "comment": comment, "next": plan.revision + 1}
        return self._page(request, "plans/revise.html", f"Revise: {plan.objective}", **told)

    # -------------------------------------------------------------- the plan

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        plan = self._plan(request, int(object_id) if object_id.isdigit() else 0)
        tab = request.GET.get("tab", "outputs")
        with acting_in_admin(request):
            context = {**page_of(plan, request.user), "tab": tab, "tabs": TABS}
        if tab == "changes":
            context["changes"] = changes_of(plan)
        elif tab == "rules":
            context["declaration"] = plan.declaration
        else:
            with acting_in_admin(request):
                context["outputs"] = outputs_of(plan)
        return self._page(request, "plans/plan.html", plan.objective, **context)

    def live(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The part of the page that moves, for htmx; 286 tells it to stop asking."""
        plan = self._plan(request, pk)
        with acting_in_admin(request):
            context = {**self.admin_site.each_context(request), **page_of(plan, request.user)}
        status = 286 if plan.state in FINAL_PLAN_STATES else 200
        response = TemplateResponse(request, "plans/_live.html", context, status=status)
        if request.GET.get("done") != str(context["done"]):
            response["HX-Trigger"] = "task-done"
        return response

    def outputs(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The outputs alone, fetched again when a task has finished."""
        with acting_in_admin(request):
            context = {"outputs": outputs_of(self._plan(request, pk))}
        return TemplateResponse(request, "plans/_outputs.html", context)

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
        response = HttpResponse(files.read(plan), content_type="application/json")
        response["Content-Disposition"] = f'attachment; filename="{plan.plan_id}.json"'
        return response

    def download(self, request: HttpRequest, pk: int, artifact: int, fmt: str) -> HttpResponse:
        plan = self._plan(request, pk)
        row = plan.artifacts.filter(pk=artifact).first()
        if row is None or fmt not in render.formats_of(row.payload):
            raise Http404("There is no such output.")
        try:
            rendered = render.render(row.payload, fmt)
        except NotFound as error:
            raise Http404(error.detail) from error
        response = HttpResponse(rendered.content, content_type=rendered.media_type)
        response["Content-Disposition"] = f'attachment; filename="{plan.plan_id}-{row.key}.{rendered.suffix}"'
        response["X-Content-Type-Options"] = "nosniff"
        return response

    def _plan(self, request: HttpRequest, pk: int) -> Plan:
        if not self.has_view_permission(request):
            raise PermissionDenied
        plan = Plan.objects.select_related("program", "requested_by", "campaign").filter(pk=pk).first()
        if plan is None:
            raise Http404("There is no such plan.")
        return plan

    def _page(self, request: HttpRequest, template: str, title: str, **context: Any) -> TemplateResponse:
        shared = {**self.admin_site.each_context(request), "title": title}
        return TemplateResponse(request, template, {**shared, **context})


def _differs(name: str, given: dict[str, Any], initial: dict[str, Any]) -> bool:
    return str(given.get(name) or "") != str(initial.get(name) or "")


def _default_slug(command: Any) -> str:
    program = default_program(command.program_kind)
    return program.slug if program else ""


def _need_operator(request: HttpRequest) -> None:
    if not request.user.has_perm("plans.operate_plan"):
        raise PermissionDenied("Starting runs takes the permission to operate plans.")


def _key(request: HttpRequest) -> str | None:
    """A double click starts one run: the preview carries a token, and the token starts once."""
    token = request.POST.get("token", "")[:60]
    return f"admin:{request.user.pk}:{token}" if token else None


def _to_fields(form: CommandForm, error: InvalidInput) -> None:
    for problem in error.problems:
        form.add_error(problem.field if problem.field in form.fields else None, problem.sentence())
    if not error.problems:
        form.add_error(None, error.detail)
