"""A launch in the admin: started from the pasted line, worked on, moved; runbooks edited as data."""

import pytest
from django.urls import reverse

from gtm.core.actors import Actor, acting_as
from gtm.core.fsm import perform
from plans.engine.gates import rounds
from plans.engine.stopping import ripcord
from plans.models import Plan
from programs.models import LaunchProfile, Runbook, RunbookTask
from tests.plans.api.test_launch import LINE

RUN = "admin:plans_run_command"


@pytest.fixture
def ops(login):
    return login("ops")


@pytest.fixture
def launched(ops):
    page = reverse(RUN, args=["launch-program"])
    form = {"program": "customer-advocates", "launch_date": "2025-12-10", "channels": "email,in-app"}
    ops.post(page, {**form, "step": "start"})
    return Plan.objects.get(command="launch-program")


def test_the_pasted_line_fills_the_form_and_the_preview_says_that_it_is_late(ops):
    page = reverse(RUN, args=["launch-program"])
    filled = ops.get(page, {"usage": LINE}).content.decode()
    assert 'value="2025-12-10"' in filled
    form = {"program": "customer-advocates", "launch_date": "2025-12-10", "channels": "email,in-app"}
    preview = ops.post(page, {**form, "step": "preview"}).content.decode()
    assert "business days: the earliest possible launch is" in preview
    assert Plan.objects.count() == 0


def test_the_plan_page_shows_how_it_stands_and_changes_the_date(ops, launched):
    page = reverse("admin:plans_plan_change", args=[launched.pk])
    shown = ops.get(page).content.decode()
    assert "Launch readiness: no-go" in shown
    assert "Change inputs" in shown
    change = reverse("admin:plans_plan_revise", args=[launched.pk])
    form = {"program": "customer-advocates", "launch_date": "2099-06-10", "channels": "email,in-app"}
    assert ops.post(change, {**form, "comment": "Moved."}).status_code == 302
    launched.refresh_from_db()
    assert (launched.inputs["launch_date"], launched.revision) == ("2099-06-10", 2)
    assert launched.tasks.get(key="terms-review").due_at.year == 2099


def test_a_task_is_commented_blocked_and_unblocked_on_its_page(ops, launched):
    task = launched.tasks.get(key="design-charter")
    page = reverse("admin:plans_task_change", args=[task.pk])
    ops.post(page, {"answer": "comment", "comment": "Asked Samir.", "evidence": "thread 17"})
    ops.post(page, {"answer": "report_blocked", "comment": "Not signed."})
    shown = ops.get(page).content.decode()
    assert "Asked Samir." in shown
    assert "thread 17" in shown
    assert 'value="unblock"' in shown
    ops.post(page, {"answer": "unblock", "comment": "Signed."})
    task.refresh_from_db()
    assert task.state == "ready"


def test_a_runbook_is_edited_as_data(ops):
    row = RunbookTask.objects.get(key="terms-review")
    page = reverse("admin:programs_runbooktask_change", args=[row.pk])
    form = {
        name: value
        for name, value in ops.get(page).context["adminform"].form.initial.items()
        if value is not None
    }
    form |= {"consulted": '["finance"]', "informed": "[]", "needs": '["design-charter"]', "likely_days": "4"}
    assert ops.post(page, form).status_code == 302
    row.refresh_from_db()
    assert (row.likely_days, Runbook.objects.get(channel="").definition_version) == (4, 2)
    assert row.history.count() == 2


def test_a_round_shows_what_it_decides_on(login, launched):
    task = launched.tasks.get(key="legal-approval")
    with acting_as(Actor.system("Test")):
        perform(task, "ask_approval")
        round_ = rounds.open_round(task)
    shown = login("legal").get(reverse("admin:plans_approval_change", args=[round_.pk])).content.decode()
    assert "Are terms, claims and personal data correct for this date and these channels?" in shown


def test_a_task_under_a_rip_cord_says_so_and_offers_no_completion(ops, launched):
    with acting_as(Actor.system("Test")):
        ripcord.pull("plan", plan=launched, reason="Fraud.")
    page = reverse("admin:plans_task_change", args=[launched.tasks.get(key="design-charter").pk])
    shown = ops.get(page).content.decode()
    assert "is held: the rip-cord was pulled. You cannot complete the task now" in shown
    assert 'value="complete"' not in shown


def test_a_launch_profile_is_edited_as_lines(ops, launched):
    profile = LaunchProfile.objects.get()
    page = reverse("admin:programs_launchprofile_change", args=[profile.pk])
    shown = ops.get(page)
    assert "reward: €50 of credit" in shown.content.decode()
    form = {
        name: value for name, value in shown.context["adminform"].form.initial.items() if value is not None
    }
    typed = {"destinations": "terms: https://join.example/terms", "allowed_hosts": "- join.example",
             "copy": "reward: €60", "vocabulary": "", "collectors": "", "shares": "lifecycle-ops: 0.5",
             "tokens": "code: '*|REF|*'"}  # fmt: skip
    assert ops.post(page, form | typed).status_code == 302
    profile.refresh_from_db()
    assert (profile.destinations, profile.allowed_hosts, profile.copy, profile.vocabulary) == (
        {"terms": "https://join.example/terms"}, ["join.example"], {"reward": "€60"}, {},
    )  # fmt: skip
    assert (profile.shares, profile.tokens) == ({"lifecycle-ops": 0.5}, {"code": "*|REF|*"})
    refused = ops.post(page, form | typed | {"copy": "reward: a: b"})
    assert "mapping values are not allowed here" in refused.content.decode()
