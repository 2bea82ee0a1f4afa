"""What people do from the lists of plans, tasks, approvals and escalations, several objects at once.

The engine's verbs do it, one object after the other; these are their names, dialogs and who sees them.
"""

from __future__ import annotations

import io
import zipfile
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from gtm.core import fsm
from gtm.core.actors import Actor
from gtm.core.admin import acting_in_admin
from gtm.core.admin.actions import (
    ROW,
    SELECTED,
    Answers,
    CommentForm,
    Deed,
    Link,
    ReasonForm,
    form_of,
    offer,
    why_not,
)
from gtm.core.errors import InvalidInput
from gtm.core.evidence import departures
from plans.admin.starts import may_run
from plans.engine.escalation import ladder
from plans.engine.gates import rounds
from plans.engine.people import human_tasks
from plans.engine.people.permissions import holds_any_role, may_pull_ripcord, may_work_on
from plans.engine.stopping import ripcord
from plans.export import files
from plans.models import (
    CHANGEABLE_PLAN_STATES,
    FINAL_PLAN_STATES,
    Approval,
    DecisionKind,
    Escalation,
    Plan,
    Task,
)
from plans.runs import registry, revise
from programs.admin.owners import OwnerForm

DECISIONS = (DecisionKind.APPROVE, DecisionKind.REJECT, DecisionKind.REQUEST_CHANGES)


class CompleteForm(CommentForm):
    """Completing a task: what was found, and evidence that others can check."""

    evidence = forms.CharField(
        required=False,
        max_length=2000,
        widget=UnfoldAdminTextInputWidget,
        help_text="A link or a sentence that others can check",
    )


class DecideForm(CommentForm):
    """One decision for several rounds."""

    decision = forms.ChoiceField(
        choices=[(kind.value, kind.label) for kind in DECISIONS], widget=UnfoldAdminSelectWidget
    )
    field_order = ("decision", "reason")


class WaitForm(ReasonForm):
    """Until when a case waits, in the reader's time, with the reason."""

    until = forms.DateTimeField(widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}))
    field_order = ("until", "reason")


def may_view_plans(request: HttpRequest) -> bool:
    return request.user.has_perm("plans.view_plan")


def may_pull(request: HttpRequest) -> bool:
    return request.user.has_perm("plans.pull_ripcord")


def may_have_work(request: HttpRequest) -> bool:
    """Operations and whoever holds a role; asked once a request."""
    if not hasattr(request, "_may_have_work"):
        request._may_have_work = may_run(request) or holds_any_role(request.user)
    return request._may_have_work


# -------------------------------------------------------------------- plans


def run_again(request: HttpRequest, plans: list[Plan]) -> HttpResponse:
    """The form of the plan's command with the plan's inputs."""
    command = registry.get(plans[0].command_key)
    at = reverse("admin:plans_run_command", args=[command.key])
    return HttpResponseRedirect(f"{at}?{urlencode({'copy': plans[0].plan_id})}")


def open_revision(request: HttpRequest, plans: list[Plan]) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:plans_plan_revise", args=[plans[0].pk]))


def export(request: HttpRequest, plans: list[Plan]) -> HttpResponse:
    """The plan JSON of each plan, in one zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for plan in plans:
            raw = files.export(plan)
            with acting_in_admin(request):
                departures.record(plan, f"plan JSON of {plan.plan_id}", raw, form="json")
            archive.writestr(f"{plan.plan_id}.json", raw)
    response = HttpResponse(packed.getvalue(), content_type="application/zip")
    response["Content-Disposition"] = 'attachment; filename="plans.zip"'
    return response


def compare(request: HttpRequest, plans: list[Plan]) -> HttpResponse:
    if len(plans) != 2 or plans[0].command_key != plans[1].command_key:
        raise InvalidInput("Choose two plans of the same command to compare.")
    older, newer = sorted(plans, key=lambda plan: plan.pk)
    at = reverse("admin:plans_plan_compare", args=[newer.pk])
    return HttpResponseRedirect(f"{at}?{urlencode({'with': older.plan_id})}")


def _steer(name: str, title: str, icon: str) -> Deed:
    def perform(plan: Plan, told: Answers, seen: str) -> str:
        fsm.perform(plan, name, comment=told["reason"])
        return f"{plan.get_state_display()}."

    form = form_of(Plan, name)
    return Deed(name, title, may_run, icon=icon, perform=perform, why_not=why_not(name), form=form)


def _pull(plan: Plan, told: Answers, seen: str) -> str:
    ripcord.pull("plan", plan=plan, reason=told["reason"])
    return "stopped. Two people must release it."


def _why_no_pull(actor: Actor, plan: Plan) -> str:
    if plan.state in FINAL_PLAN_STATES or plan.state == "held":
        return f"it is {plan.get_state_display().lower()}."
    return may_pull_ripcord(actor, plan, {}) or ""


def of_plans() -> list[Any]:
    row, selected = frozenset({ROW}), frozenset({SELECTED})
    changeable = {"changes_requested", *CHANGEABLE_PLAN_STATES}
    return [
        Link("run_again", "Run again", may_run, icon="replay", slots=row, respond=run_again),
        Link("open_revision", "Revise", may_run, icon="edit", slots=row, respond=open_revision,
             fits=lambda rows: rows.filter(state__in=changeable)),
        Link("export_plans", "Export as one zip", may_view_plans, slots=selected, respond=export),
        Link("compare_two", "Compare two", may_view_plans, slots=selected, respond=compare),
        _steer("pause", "Pause", "pause"),
        _steer("resume", "Resume", "play_arrow"),
        Deed("pull_ripcord", "Pull the rip-cord", may_pull, icon="emergency_home", perform=_pull,
             why_not=_why_no_pull, explain="Everything that runs stops at once. Two people must release it."),
    ]  # fmt: skip


# -------------------------------------------------------------------- tasks


def _complete(task: Task, told: Answers, seen: str) -> str:
    evidence = {"note": told["evidence"]} if told["evidence"] else {}
    human_tasks.complete(task, result={}, evidence=evidence, comment=told["reason"])
    return "done."


def _report_blocked(task: Task, told: Answers, seen: str) -> str:
    human_tasks.report_blocked(task, reason=told["reason"])
    return "reported as blocked. The people on its ladder are notified."


def _reassign(task: Task, told: Answers, seen: str) -> str:
    revise.reassign(task, owner=told["owner"], comment=told["reason"])
    return f"now with {told['owner']}."


def _why_no_reassign(actor: Actor, task: Task) -> str:
    return "it is done." if task.is_done else may_work_on(actor, task, {}) or ""


def of_tasks() -> list[Any]:
    return [
        Deed("complete", "Complete", may_have_work, icon="check", perform=_complete,
             why_not=why_not("complete", "record_result"), form=CompleteForm),
        Deed("report_blocked", "Report as blocked", may_have_work, icon="block", perform=_report_blocked,
             why_not=why_not("report_blocked"), form=form_of(Task, "report_blocked")),
        Deed("reassign", "Reassign", may_have_work, icon="person_add", perform=_reassign,
             why_not=_why_no_reassign, form=OwnerForm),
    ]  # fmt: skip


# ---------------------------------------------------------------- approvals


def _decide(approval: Approval, told: Answers, seen: str) -> str:
    rounds.decide_in_bulk(approval, told["decision"], comment=told["reason"], seen_digest=seen)
    return "your decision is recorded."


def _why_no_decision(actor: Actor, approval: Approval) -> str:
    """Why this person cannot decide the round here; what asks for the password is decided on its page."""
    possible = rounds.available(approval, actor)
    if not possible:
        return f"it is {approval.get_state_display().lower()}."
    if not any(action.allowed for action in possible):
        return " ".join(possible[0].reasons)
    return "" if rounds.allows_bulk(approval) else "it asks for the password. Decide it on its own page."


def _ask_again(approval: Approval, told: Answers, seen: str) -> str:
    following = rounds.ask_again(approval, reason=told["reason"])
    return f"round {following.round} is open: {following.get_state_display().lower()}."


def of_approvals() -> list[Any]:
    return [
        Deed("decide", "Decide", may_have_work, icon="how_to_vote", perform=_decide, form=DecideForm,
             why_not=_why_no_decision, seen=lambda approval: approval.scope_sha256,
             explain=("Each approval is checked separately. An approval that changes after you opened "
"this page is not decided.")),
        Deed("ask_again", "Ask again", may_run, icon="restart_alt", perform=_ask_again,
             why_not=why_not("ask_again"), form=form_of(Approval, "ask_again"),
             explain=("The round ends. A new round asks the people of today, also those who came later. "
                      "Everybody votes again.")),
    ]  # fmt: skip


# -------------------------------------------------------------- escalations


def _acknowledge(case: Escalation, told: Answers, seen: str) -> str:
    ladder.acknowledge(case, comment=told["reason"])
    return "acknowledged."


def _resolve(case: Escalation, told: Answers, seen: str) -> str:
    ladder.resolve(case, remediation=told["reason"])
    return "resolved."


def _reassign_task(case: Escalation, told: Answers, seen: str) -> str:
    return _reassign(case.task, told, seen)


def _why_no_handover(actor: Actor, case: Escalation) -> str:
    if case.task is None:
        return "it has no task that somebody could take over."
    return _why_no_reassign(actor, case.task)


def _hand_over(case: Escalation, told: Answers, seen: str) -> str:
    ladder.hand_over(case, owner=told["owner"], comment=told["reason"])
    return f"handed to {told['owner']}."


def _escalate(case: Escalation, told: Answers, seen: str) -> str:
    ladder.escalate_now(case, comment=told["reason"])
    return f"{case.get_state_display()}, rung {case.rung}."


def _wait(case: Escalation, told: Answers, seen: str) -> str:
    ladder.wait(case, until=told["until"], comment=told["reason"])
    return "waits."


def of_cases() -> list[Any]:
    return [
        Deed("acknowledge", "Acknowledge", may_have_work, icon="visibility", perform=_acknowledge,
             why_not=why_not("acknowledge", "renew"), form=form_of(Escalation, "acknowledge")),
        Deed("hand_over", "Hand over", may_have_work, icon="forward", perform=_hand_over,
             why_not=why_not("hand_over"), form=OwnerForm),
        Deed("escalate_now", "Escalate now", may_have_work, icon="priority_high", perform=_escalate,
             why_not=why_not("escalate_now")),
        Deed("wait", "Wait until a time", may_have_work, icon="schedule", perform=_wait,
             why_not=why_not("wait"), form=WaitForm),
        Deed("reassign", "Hand over its task", may_have_work, icon="person_add", perform=_reassign_task,
             why_not=_why_no_handover, form=OwnerForm),
        Deed("resolve", "Resolve", may_have_work, icon="check", perform=_resolve,
             why_not=why_not("resolve"), form=form_of(Escalation, "resolve")),
    ]  # fmt: skip


offer(Plan, of_plans)
offer(Task, of_tasks)
offer(Approval, of_approvals)
offer(Escalation, of_cases)
