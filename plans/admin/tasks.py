"""Tasks: what people do, and the answers to an escalated one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from gtm.core import fsm
from gtm.core.actors import current
from gtm.core.admin import GovernedAdmin, ReadOnly, acting_in_admin, tell
from gtm.core.errors import GtmError
from plans.admin.found import FoundByPlanId
from plans.admin.page import outputs_of_tasks
from plans.drawing import badges
from plans.engine.people import human_tasks, taken_back
from plans.engine.people.permissions import may_work_on
from plans.engine.stopping import stopped
from plans.models import Task, TaskKind
from plans.runs import revise
from plans.selectors import PLAN_DOCUMENTS, comments_on, for_our_people, tasks_with_people
from programs.models import Person


def _why_not(possible: list[fsm.Action], name: str) -> str:
    """Why the reader cannot do this now; nothing where they can, or where it is no question."""
    return " ".join(reason for action in possible if action.name == name for reason in action.reasons)


class AnswerForm(forms.Form):
    """``evidence`` is what the runbook asks for, in words; it stands where people give it."""

    comment = forms.CharField(required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))
    evidence = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="A link or a sentence that others can check",
    )
    percent = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=99,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Only if you say how far the task is: percent",
    )
    owner = forms.ModelChoiceField(
        Person.objects.filter(is_active=True),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text="Only if you reassign the task",
    )

    def __init__(self, *args: Any, evidence: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if evidence:
            self.fields["evidence"].help_text = f"To complete the task, give this: {evidence}"


@admin.register(Task)
class TaskAdmin(FoundByPlanId, ReadOnly, GovernedAdmin):
    list_display = ["__str__", "plan", "status", "kind", "agent", "owner", "due_at"]
    list_filter = ["state", "kind", "agent"]
    list_select_related = ["plan", "agent", "owner"]
    list_defer = ("output", "error", *(f"plan__{name}" for name in PLAN_DOCUMENTS))
    ordering = ["-plan_id", "position"]
    search_fields = ["name", "plan__plan_id"]
    shortcuts = [
        ("For people", "?kind=human&state=ready"),
        ("Escalated", "?state__in=escalated,unknown"),
        (
            "By the substitute",
            "?state__in=fallback_ready,fallback_running,with_substitute,succeeded_degraded",
        ),
        ("At work", "?state__in=leased,running,fallback_running"),
    ]

    @admin.display(description="State", ordering="state")
    def status(self, task: Task) -> str:
        return badges.badge(task)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Task]:
        return for_our_people(super().get_queryset(request), request.user)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        known = for_our_people(tasks_with_people(), request.user)
        task = known.filter(pk=object_id if object_id.isdigit() else 0).first()
        if task is None:
            raise Http404("There is no such task.")
        with acting_in_admin(request):
            if request.method == "POST":
                self._answer(request, task)
                return HttpResponseRedirect(reverse("admin:plans_task_change", args=[task.pk]))
            possible = fsm.actions(task, current().actor)
            context = {
                **self.admin_site.each_context(request),
                "title": str(task),
                "task": task,
                "status": badges.badge(task),
                "actions": [a for a in possible if a.allowed],
                "why_no_undo": _why_not(possible, "undo")
                if taken_back.is_just_done(task, {}) is None
                else "",
                "why_no_reopening": _why_not(possible, "do_again"),
                "may_pass_on": not task.is_done and may_work_on(current().actor, task, {}) is None,
                "may_say_how_far": task.is_with_people,
                "ends_plan": any(a.name == "complete" and a.allowed for a in possible)
                and taken_back.ends_plan(task),
                "stopped": stopped.is_stopped(task.plan),
                "comments": comments_on(task),
                "brief": outputs_of_tasks(task.plan, task) if task.kind == TaskKind.HUMAN else [],
                "form": AnswerForm(evidence="" if task.is_done else task.evidence_wanted),
            }
        return TemplateResponse(request, "plans/task.html", context)

    def _answer(self, request: HttpRequest, task: Task) -> None:
        form = AnswerForm(request.POST)
        form.is_valid()
        told = form.cleaned_data
        comment, evidence = told.get("comment", ""), told.get("evidence", "")
        answers = {
            "complete": lambda: human_tasks.complete(
                task, result={}, evidence={"note": evidence} if evidence else {}, comment=comment,
                may_be_undone=True,
            ),
            "report_blocked": lambda: human_tasks.report_blocked(task, reason=comment),
            "unblock": lambda: human_tasks.unblock(task, comment=comment),
            "comment": lambda: human_tasks.comment_on(
                task, text=comment, evidence={"note": evidence} if evidence else {}
            ),
            "progress": lambda: human_tasks.report_progress(task, percent=told["percent"], note=comment),
            "grant_attempt": lambda: human_tasks.grant_attempt(task, comment=comment),
            "waive": lambda: human_tasks.waive(task, comment=comment),
            "undo": lambda: taken_back.undo(task, comment=comment),
            "do_again": lambda: taken_back.reopen(task, comment=comment),
            "reassign": lambda: revise.reassign(task, owner=told["owner"], comment=comment),
        }  # fmt: skip
        answers["record_result"] = answers["complete"]
        chosen = request.POST.get("answer", "")
        missing = {"reassign": "owner", "progress": "percent"}.get(chosen)
        if chosen not in answers or (missing and told.get(missing) is None):
            messages.error(
                request,
                "Choose an action. To reassign the task, choose a person, too. To say how far it is, give a "
                "percentage from 0 to 99.",
            )
            return
        try:
            answers[chosen]()
        except GtmError as error:
            tell(request, error)
        else:
            undoable = chosen == "complete" and taken_back.can_be_undone(task)
            messages.success(
                request, "Recorded." + (" You can undo this for one minute." if undoable else "")
            )
