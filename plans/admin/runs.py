"""What can be run, a command's form with its preview, and the answer to a request for changes."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from gtm.core.admin import acting_in_admin, tell
from gtm.core.errors import GtmError, InvalidInput, NotFound
from plans.admin import assumed
from plans.admin.forms import CommandForm
from plans.admin.page import DryRun
from plans.drawing import badges
from plans.export.measures import assumptions
from plans.models import CHANGEABLE_PLAN_STATES, Decision, DecisionKind, Plan, of_command
from plans.runs import origins, registry, revise, start
from plans.schemas.inputs import read_inputs
from programs.selectors import default_program

RECENT = 10
MOST_LETTERS = 2000
"""Of an input that an address fills in."""


class RunPages:
    """Pages of the plan admin that start runs and send them back to their gates."""

    def run_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("run/", view(self.run_index), name="plans_run"),
            path("run/line/", view(require_POST(self.run_line)), name="plans_run_line"),
            path("run/<command:name>/check/", view(require_POST(self.check_inputs)), name="plans_run_check"),
            path("run/<command:name>/", view(self.run_command), name="plans_run_command"),
            path("<int:pk>/revise/", view(self.revise), name="plans_plan_revise"),
            path("<int:pk>/assume/", view(require_POST(self.assume)), name="plans_plan_assume"),
        ]

    def run_index(self, request: HttpRequest, usage: str = "") -> HttpResponse:
        _need_operator(request)
        plans = Plan.objects.select_related("program", "requested_by__service_account__owner").order_by(
            "-created_at"
        )
        recent = [(plan, badges.badge(plan)) for plan in plans[:RECENT]]
        return self.page(
            request,
            "plans/run_index.html",
            "Run",
            commands=registry.all_commands(),
            recent=recent,
            usage=usage,
        )

    def check_inputs(self, request: HttpRequest, name: str) -> HttpResponse:
        """What is wrong with what was typed so far, beside each field. What is empty is not blamed yet."""
        _need_operator(request)
        try:
            command = registry.get(name)
        except NotFound as error:
            raise Http404(" ".join(error.lines())) from error
        given = {i.name: request.POST[i.name] for i in command.inputs if request.POST.get(i.name)}
        _, problems = read_inputs(command.inputs, given, {})
        told = {p.field: p.sentence() for p in problems if p.field in given}
        fields = [(f"id_{i.name}", told.get(i.name, "")) for i in command.inputs]
        return TemplateResponse(request, "plans/_checked.html", {"fields": fields})

    def run_line(self, request: HttpRequest) -> HttpResponse:
        """A pasted usage line opens the form of its command, filled in; one that cannot be read stays."""
        _need_operator(request)
        line = request.POST.get("usage", "").strip()
        try:
            command, _ = start.parse_usage(line)
        except GtmError as error:
            tell(request, error)
            return self.run_index(request, line)
        query = urlencode({"usage": line})
        return HttpResponseRedirect(f"{reverse('admin:plans_run_command', args=[command.key])}?{query}")

    def run_command(self, request: HttpRequest, name: str) -> HttpResponse:
        """Form → dry run → start. A usage line fills the form; a recent run can be copied from."""
        _need_operator(request)
        try:
            command = registry.get(name)
        except NotFound as error:
            raise Http404(" ".join(error.lines())) from error
        line = (request.POST.get("usage") or request.GET.get("usage") or command.example).strip()
        form, preview, source = self._form(request, command), None, ""
        if request.method == "GET" and (origin := request.GET.get("from")):
            form, preview, source = self._from_object(request, command, origin)
        if request.method == "POST" and request.POST.get("step") == "read-line":
            form = self._form_from_line(request, command, line, _default_slug(command))
        elif request.method == "POST" and form.is_valid():
            try:
                with acting_in_admin(request):
                    draft = start.prepare(command, form.given(), form.cleaned_data["program"])
                    if request.POST.get("step") == "start":
                        plan = start.start(draft, idempotency_key=_key(request))
                        return HttpResponseRedirect(reverse("admin:plans_plan_change", args=[plan.pk]))
                    preview = DryRun.of(draft)
            except InvalidInput as error:
                _to_fields(form, error)
            except GtmError as error:
                tell(request, error)
        recent = (
            Plan.objects.filter(**of_command(command.key))
            .select_related("program")
            .order_by("-created_at")[:5]
        )
        return self.page(
            request, "plans/run_command.html", command.title, command=command, form=form, preview=preview,
            recent=recent, usage=line, source=source,
        )  # fmt: skip

    def _from_object(
        self, request: HttpRequest, command: Any, origin: str
    ) -> tuple[CommandForm, DryRun | None, str]:
        """The form filled in for what its action was chosen on, with its preview where nothing is missing."""
        kind, _, number = origin.partition("-")
        if not number.isdecimal():
            raise Http404("There is no such object to start from.")
        try:
            filled = origins.fill(command, kind, int(number[:18]))
        except NotFound as error:
            raise Http404(error.detail) from error
        form = CommandForm(command, {**filled.given, "program": filled.program.slug})
        if form.is_valid():
            try:
                with acting_in_admin(request):
                    draft = start.prepare(command, form.given(), filled.program)
                    return form, DryRun.of(draft), filled.source
            except InvalidInput as error:
                if error.problems and all(problem.code == "required" for problem in error.problems):
                    # What is missing is not wrong: people have not had their say yet.
                    begun = {**filled.given, "program": filled.program.slug}
                    return CommandForm(command, initial=begun), None, filled.source
                _to_fields(form, error)
            except GtmError as error:
                tell(request, error)
        return form, None, filled.source

    def _form(self, request: HttpRequest, command: Any) -> CommandForm:
        if request.method == "POST":
            return CommandForm(command, request.POST)
        initial: dict[str, Any] = {i.name: i.default for i in command.inputs if i.default is not None}
        copied = request.GET.get("copy")
        if copied and (plan := Plan.objects.filter(plan_id=copied, **of_command(command.key)).first()):
            initial |= {i.name: i.write(plan.inputs[i.name]) for i in command.inputs if i.name in plan.inputs}
            initial["program"] = plan.program.slug
        else:
            initial["program"] = request.GET.get("program") or _default_slug(command)
        if line := request.GET.get("usage"):
            return self._form_from_line(request, command, line, initial.get("program", ""))
        return CommandForm(command, initial=initial | _asked_for(command, request))

    def _form_from_line(
        self, request: HttpRequest, command: Any, line: str, program: str = ""
    ) -> CommandForm:
        try:
            # On the page of a command its options alone say enough.
            found, given = start.parse_usage(f"{command.path} {line}" if line.startswith("--") else line)
        except GtmError as error:
            tell(request, error)
            return CommandForm(command, initial={"program": program})
        if found.key != command.key:
            messages.warning(request, f"This usage line is for {found.path}. Open that command instead.")
            return CommandForm(command, initial={"program": program})
        _, problems = read_inputs(command.inputs, given, {})
        for problem in problems:
            messages.error(request, f"{problem.field.replace('_', ' ')}: {problem.sentence()}")
        if named := given.get(command.program_input):
            try:
                program = start.choose_program(command, named).slug
            except InvalidInput as error:
                tell(request, error)
        return CommandForm(command, initial={**given, "program": program})

    def revise(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer a request for changes, or change what runs: other inputs, newer data, or words alone."""
        _need_operator(request)
        plan = self._plan(request, pk)
        command = registry.get(plan.command_key)
        comment = request.POST.get("comment", "").strip()
        asked = [i for i in command.inputs if i.name != command.program_input]
        initial = {i.name: i.write(plan.inputs[i.name]) for i in asked if plan.inputs.get(i.name)}
        shown = initial if request.method == "POST" else initial | _asked_for(command, request)
        form = CommandForm(command, request.POST or None, initial=shown)
        verb = revise.change if plan.state in CHANGEABLE_PLAN_STATES else revise.revise
        if request.method == "POST" and form.is_valid():
            given = form.given()
            changed = {i.name: given.get(i.name) for i in asked if _differs(i.name, given, initial)}
            try:
                with acting_in_admin(request, comment):
                    verb(plan, changed, comment=comment, fresh_data="fresh_data" in request.POST)
                messages.success(
                    request, f"Revision {plan.revision} of {plan.plan_id} is on its way to its gates."
                )
                return HttpResponseRedirect(reverse("admin:plans_plan_change", args=[plan.pk]))
            except InvalidInput as error:
                _to_fields(form, error)
            except GtmError as error:
                tell(request, error)
        requests = Decision.objects.filter(
            approval__plan=plan, kind=DecisionKind.REQUEST_CHANGES, superseded_at=None
        ).select_related("person")
        told = {"plan": plan, "form": form, "asked": requests, "comment": comment, "next": plan.revision + 1}
        title = "Change" if plan.state in CHANGEABLE_PLAN_STATES else "Revise"
        return self.page(request, "plans/revise.html", f"{title}: {plan.objective}", **told)

    def assume(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Assumptions edited where they stand: what was typed anew makes the next revision."""
        _need_operator(request)
        plan = self._plan(request, pk)
        back = HttpResponseRedirect(f"{reverse('admin:plans_plan_change', args=[plan.pk])}#assumptions")
        changed = assumed.edited(plan, assumptions(plan), request.POST)
        if not changed:
            messages.warning(request, "No assumption was changed.")
            return back
        comment = request.POST.get("comment", "").strip()
        verb = revise.change if plan.state in CHANGEABLE_PLAN_STATES else revise.revise
        try:
            with acting_in_admin(request, comment):
                verb(plan, changed, comment=comment)
        except GtmError as error:
            tell(request, error)
        else:
            messages.success(
                request,
                f"Revision {plan.revision} is computed with the new assumptions. Its gates ask again.",
            )
        return back


def _asked_for(command: Any, request: HttpRequest) -> dict[str, str]:
    """Inputs that the address fills in: those of an alternative."""
    return {i.name: request.GET[i.name][:MOST_LETTERS] for i in command.inputs if i.name in request.GET}


def _differs(name: str, given: dict[str, Any], initial: dict[str, Any]) -> bool:
    return str(given.get(name) or "") != str(initial.get(name) or "")


def _default_slug(command: Any) -> str:
    program = default_program(command.program_kind)
    return program.slug if program else ""


def _need_operator(request: HttpRequest) -> None:
    if not request.user.has_perm("plans.operate_plan"):
        raise PermissionDenied("To start a run, you need the permission to operate plans.")


def _key(request: HttpRequest) -> str | None:
    """A double click starts one run: the preview carries a token, and the token starts once."""
    token = request.POST.get("token", "")[:60]
    return f"admin:{request.user.pk}:{token}" if token else None


def _to_fields(form: CommandForm, error: InvalidInput) -> None:
    for problem in error.problems:
        form.add_error(problem.field if problem.field in form.fields else None, problem.sentence())
    if not error.problems:
        form.add_error(None, error.detail)
