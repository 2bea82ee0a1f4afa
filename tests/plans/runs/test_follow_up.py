"""An item of a backlog becomes a task with one action, at every door, once."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from gtm.core.actors import Actor, acting_as
from plans.engine.gates import rounds
from plans.engine.people import human_tasks
from plans.export import document, rules
from plans.models import Plan
from plans.runs import follow_up
from tests.doors import as_, built, manage, site, url, user
from tests.factories import do_work, gate, make_run, round_of, seat

__all__ = ["as_", "built", "site"]

LATER = datetime.now(UTC).date() + timedelta(days=10)
ROWS = [
    {"title": "Try a new message", "why": "9 % pass against 30 %.", "owner_role": "lifecycle-ops",
     "owner": "Olivia Park", "eta": LATER.isoformat(), "expected_value": 1200.0},
    {"title": "Enable partner-07", "why": "Weakest in its tier.", "owner_role": "partner-ops",
     "owner": "Olivia Park", "eta": "2020-01-01", "expected_value": 300.0},
]  # fmt: skip


@pytest.fixture
def plan(site):
    """A plan that wrote a backlog and waits at the gate behind it."""
    with acting_as(Actor.system("Test")):
        plan = make_run(gate(seat("finance"), scope=["budget"]), requester=user("ops")).plan
        do_work(plan, {"backlog": ROWS})
    return plan


@pytest.fixture
def approved(plan):
    with acting_as(Actor.of_user(user("finance"), "admin", interactive=True)):
        rounds.decide(round_of(plan), "approve", comment="Fine.")
    plan.refresh_from_db()
    return plan


def start_item(client, plan, rank=1, **body):
    return client.post(url(f"plans/{plan.plan_id}/backlog/{rank}/task/"), body, format="json")


def follow_ups():
    return Plan.objects.filter(command="follow-up")


def test_an_item_becomes_a_task_with_its_owner_and_date(as_, approved):
    answer = start_item(as_("ops"), approved, comment="First of the sprint.")
    assert answer.status_code == 201
    task = follow_ups().get().tasks.get()
    assert (task.kind, task.state, task.name) == ("human", "ready", "Try a new message")
    assert (task.owner.name, task.agent.slug) == ("Olivia Park", "lifecycle-ops")
    assert (task.due_at.date(), task.plan.state) == (LATER, "running")


def test_again_answers_the_same_task(as_, approved):
    first, second = (start_item(as_(who), approved).json() for who in ("ops", "strategist"))
    assert first["id"] == second["id"]
    assert follow_ups().count() == 1


def test_a_cancelled_one_makes_room_for_another(as_, approved):
    first = start_item(as_("ops"), approved).json()
    cancel = url(f"plans/{follow_ups().get().plan_id}/cancel/")
    assert as_("ops").post(cancel, {"reason": "Too early."}, format="json").status_code == 200
    assert start_item(as_("ops"), approved).json()["id"] != first["id"]


def test_nothing_starts_before_the_backlog_is_approved(as_, plan):
    refused = start_item(as_("ops"), plan)
    assert (refused.status_code, "not approved" in refused.json()["detail"]) == (422, True)
    assert not follow_ups().exists()


@pytest.mark.parametrize("who", ["analyst", "finance", "auditor"])
def test_it_takes_the_permission_to_operate(as_, approved, who):
    assert start_item(as_(who), approved).status_code == 403
    assert not follow_ups().exists()


@pytest.mark.parametrize(
    ("rank", "body", "status"), [(3, {}, 404), (2, {}, 400), (1, {"owner": "no@one.example"}, 400)]
)
def test_what_cannot_be_started_is_refused_with_the_reason(as_, approved, rank, body, status):
    assert start_item(as_("ops"), approved, rank, **body).status_code == status
    assert not follow_ups().exists()


def test_owner_and_date_may_be_said_otherwise(as_, approved):
    body = {"owner": "partner@demo.example", "due": LATER.isoformat()}
    assert start_item(as_("ops"), approved, 2, **body).json()["owner"] == "Paul Nguyen"


def test_done_with_evidence_the_follow_up_is_over_and_the_backlog_says_so(as_, approved):
    start_item(as_("ops"), approved)
    task = follow_ups().get().tasks.get()
    with acting_as(Actor.of_user(user("ops"), "admin", interactive=True)):
        human_tasks.complete(task, result={"done": "sent"}, evidence={"note": "campaign 12"})
    listed = as_("ops").get(url(f"plans/{approved.plan_id}/backlog/")).json()
    assert [row["follow_up"] and row["follow_up"]["status"] for row in listed] == ["succeeded", None]


def test_both_plan_documents_tell_it(as_, approved):
    start_item(as_("ops"), approved, comment="First of the sprint.")
    source, child = document.build(approved), document.build(follow_ups().get())
    assert [row["item"] for row in source["follow_ups"]] == ["Try a new message"]
    logged = [row for row in source["change_log"] if row["event"] == "became work"]
    assert [(row["to"], row["reason"]) for row in logged] == [(child["plan_id"], "First of the sprint.")]
    assert rules.problems(child) == []


def test_a_plan_without_a_backlog_has_none_to_start(as_, site):
    with acting_as(Actor.system("Test")):
        bare = make_run(requester=user("ops")).plan
    assert as_("ops").get(url(f"plans/{bare.plan_id}/backlog/")).status_code == 404
    assert start_item(as_("ops"), bare).status_code == 404


def test_in_the_admin_one_click_opens_the_task(client, approved):
    client.force_login(user("ops"))
    click = reverse("admin:plans_plan_backlog", args=[approved.pk, 1])
    task = client.post(click)
    assert task.url == reverse("admin:plans_task_change", args=[follow_ups().get().tasks.get().pk])
    assert client.post(click).url == task.url
    assert (
        b"carry-out"
        not in client.get(reverse("admin:plans_plan_change", args=[follow_ups().get().pk])).content
    )
    assert client.get(click).status_code == 405


def test_the_command_line_lists_and_starts(approved):
    assert "Enable partner-07" in manage("follow_up", approved.plan_id, "--as", "ops")[1]
    code, said = manage("follow_up", approved.plan_id, "1", "--as", "ops")
    assert (code, "Olivia Park" in said) == (0, True)
    assert manage("follow_up", approved.plan_id, "2", "--as", "ops")[0] == 2
    assert manage("follow_up", approved.plan_id, "2", "--due", "soon", "--as", "ops")[0] == 2
    assert manage("follow_up", approved.plan_id, "1", "--as", "finance")[0] == 1


def test_a_stopped_plan_starts_nothing(as_, approved):
    as_("ops").post(url(f"plans/{approved.plan_id}/ripcord/"), {"reason": "Fraud."}, format="json")
    assert start_item(as_("ops"), approved).status_code == 422
    assert follow_up.backlog_of(approved)[0].follow_up is None
