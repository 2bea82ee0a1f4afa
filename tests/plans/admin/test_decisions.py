"""Decisions, tasks and escalations answered in the admin."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from gtm.core import clock
from gtm.core.actors import Actor, acting_as
from plans.demo.organisation import PASSWORD
from plans.engine.escalation import ladder
from plans.engine.gates import rework
from plans.engine.people import taken_back
from plans.engine.running.sweep import sweep
from plans.models import Decision
from tests.factories import do_work, make_plan, make_task, round_of


@pytest.fixture
def decision_page(asked):
    return reverse("admin:plans_approval_change", args=[round_of(asked).pk])


def said(response) -> str:
    return " ".join(map(str, get_messages(response.wsgi_request)))


def test_what_waits_is_in_the_inbox_of_those_who_may_decide(login, asked):
    def waiting(who):
        return [a.gate for a in login(who).get(reverse("admin:plans_inbox")).context["waiting"].approvals]

    assert waiting("finance") == ["sign-off"]
    assert waiting("legal") == waiting("ops") == []


def test_an_approval_with_the_password_is_recorded(login, asked, decision_page):
    client = login("finance")
    seen = client.get(decision_page).context["form"].initial["scope_sha256"]
    answer = {"decision": "approve", "comment": "Fits.", "password": PASSWORD, "scope_sha256": seen}
    assert client.post(decision_page, answer).url == reverse("admin:plans_inbox")
    assert round_of(asked).state == "approved"
    assert Decision.objects.get().comment == "Fits."


@pytest.mark.parametrize("password", ["", "wrong"])
def test_without_the_password_nothing_is_decided(login, asked, decision_page, password):
    client = login("finance")
    seen = client.get(decision_page).context["form"].initial["scope_sha256"]
    response = client.post(decision_page, {"decision": "approve", "password": password, "scope_sha256": seen})
    assert "password" in said(response)
    assert not Decision.objects.exists()


def test_what_has_changed_since_it_was_seen_is_not_decided(login, asked, decision_page):
    answer = {"decision": "approve", "password": PASSWORD, "scope_sha256": "0" * 64}
    response = login("finance").post(decision_page, answer)
    assert "changed" in said(response)
    assert not Decision.objects.exists()


@pytest.mark.parametrize("who", ["ops", "legal", "admin"])
def test_others_are_offered_no_decision_and_are_refused_one(login, asked, decision_page, who):
    client = login(who)
    page = client.get(decision_page)
    assert page.context["actions"] == []
    seen = page.context["form"].initial["scope_sha256"]
    client.post(decision_page, {"decision": "approve", "password": PASSWORD, "scope_sha256": seen})
    assert not Decision.objects.exists()


def test_no_takes_a_comment(login, asked, decision_page):
    client = login("finance")
    seen = client.get(decision_page).context["form"].initial["scope_sha256"]
    response = client.post(decision_page, {"decision": "reject", "password": PASSWORD, "scope_sha256": seen})
    assert "comment" in said(response).lower()
    assert not Decision.objects.exists()


def test_a_task_of_people_is_completed_on_its_page(login, asked, decision_page):
    client = login("finance")
    seen = client.get(decision_page).context["form"].initial["scope_sha256"]
    client.post(decision_page, {"decision": "approve", "password": PASSWORD, "scope_sha256": seen})
    task = asked.tasks.get(key="publish")
    url = reverse("admin:plans_task_change", args=[task.pk])
    page = login("ops").get(url)
    assert "complete" in [a.name for a in page.context["actions"]]
    assert "This is the last task of the plan." in page.content.decode()
    done = login("ops").post(
        url, {"answer": "complete", "comment": "Sent.", "evidence": "Mail of today"}, follow=True
    )
    task.refresh_from_db()
    assert task.is_done and task.plan.state == "running"
    assert "Recorded. You can undo this for one minute." in said(done)
    assert "This is the last task" not in done.content.decode()
    plan_page = login("ops").get(reverse("admin:plans_plan_change", args=[asked.pk])).content.decode()
    assert "Everything is done. The plan ends when the last completion cannot be undone any more" in plan_page
    sweep()
    login("ops").post(url, {"answer": "undo", "comment": "The wrong task."})
    task.refresh_from_db()
    assert (task.state, task.plan.state) == ("ready", "running")
    login("ops").post(url, {"answer": "complete", "comment": "Sent.", "evidence": "Mail of today"})
    with clock.standing_at(clock.now() + taken_back.TIME_TO_UNDO + timedelta(seconds=1)):
        assert sweep().ended == 1
        assert sweep().ended == 0
    task.refresh_from_db()
    assert (task.state, task.plan.state) == ("succeeded", "succeeded")


@pytest.fixture
def plan_with_check(site):
    """A task of people before the gate, which asks for evidence."""
    with acting_as(Actor.system("Test")):
        plan = make_plan(evidence={"0": "The list that you compared it with"})
        plan.tasks.get(key="sign-off").needs.add(make_task(plan, 0, "check", "human"))
        rework.change(plan, comment="A check before the sign-off.")
        do_work(plan)
    return plan


@pytest.mark.parametrize("evidence", ["", "  "])
def test_what_the_runbook_asks_for_is_asked_in_the_form_and_required(login, plan_with_check, evidence):
    url = reverse("admin:plans_task_change", args=[plan_with_check.tasks.get(key="check").pk])
    client = login("ops")
    assert "The list that you compared it with" in client.get(url).content.decode()
    told = said(client.post(url, {"answer": "complete", "comment": "Checked.", "evidence": evidence}))
    assert "asks for evidence: the list that you compared it with. Give a link" in told
    assert plan_with_check.tasks.get(key="check").state == "ready"


def test_a_completion_by_mistake_is_undone_on_the_page_and_not_by_others(login, plan_with_check):
    url = reverse("admin:plans_task_change", args=[plan_with_check.tasks.get(key="check").pk])
    client = login("ops")
    assert "This is the last task" not in client.get(url).content.decode()
    told = {"answer": "complete", "comment": "Checked.", "evidence": "Mail of today"}
    assert "You can undo this for one minute." in said(client.post(url, told, follow=True))
    assert "undo" in [a.name for a in client.get(url).context["actions"]]
    assert "undo" not in [a.name for a in login("admin").get(url).context["actions"]]
    login("ops").post(url, {"answer": "undo"})
    assert plan_with_check.tasks.get(key="check").state == "ready"


def test_a_completion_is_reopened_on_the_page_with_a_reason(login, plan_with_check):
    url = reverse("admin:plans_task_change", args=[plan_with_check.tasks.get(key="check").pk])
    client = login("ops")
    client.post(url, {"answer": "complete", "comment": "Checked.", "evidence": "Mail of today"})
    assert "Say why" in said(client.post(url, {"answer": "do_again"}, follow=True))
    client.post(url, {"answer": "do_again", "comment": "The wrong list."})
    plan_with_check.refresh_from_db()
    assert (plan_with_check.tasks.get(key="check").state, plan_with_check.revision) == ("ready", 3)


def test_a_case_is_acknowledged_and_resolved_with_words(login, asked):
    with acting_as(Actor.system("Test")):
        case = ladder.open_case(asked, "manual", "The platform is down")
    url = reverse("admin:plans_escalation_change", args=[case.pk])
    client = login("ops")
    client.post(url, {"answer": "acknowledge", "comment": "On it."})
    case.refresh_from_db()
    assert case.acknowledged_by.name == "Olivia Park"
    client.post(url, {"answer": "resolve", "comment": ""})
    case.refresh_from_db()
    assert case.state == "acknowledged"
    client.post(url, {"answer": "resolve", "comment": "Moved to the spare platform."})
    case.refresh_from_db()
    assert (case.state, case.remediation) == ("resolved", "Moved to the spare platform.")
