"""The documents' own examples of leads who are away, through the doors: inbox, message and plan JSON."""

import json
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from gtm.core import clock
from gtm.core.actors import REST, Actor, acting_as
from gtm.core.errors import GuardNotMet
from plans.engine.notices import delivery
from plans.models import Notification
from plans.runs import start as base
from programs.models import Absence, Person
from tests.documents.usage import LAUNCH, LAUNCH_DAY
from tests.plans.conftest import BLUEPRINT, decide, start, work_off

pytestmark = pytest.mark.usefixtures("organisation")
MONITOR = "/loyalty-lifecycle-orchestration:monitor-loyalty --window 30d"
UNTIL = "is away until 2026-03-21"  # the last day: midnight ends it


def go_away(username):
    person = Person.objects.get(accounts__username=username)
    now = clock.now()
    Absence(
        person=person, starts_at=now - timedelta(days=1), ends_at=now.replace(hour=0) + timedelta(days=20)
    ).save()
    return person


def start_as(username, line):
    user = get_user_model().objects.get(username=username)
    with acting_as(Actor.of_user(user, REST, interactive=True)):
        command, given = base.parse_usage(line)
        return base.start(base.draft(command, given, None))


def as_(username):
    client = APIClient()
    client.force_login(get_user_model().objects.get(username=username))
    return client


def inbox_of(username):
    """Titles of decisions and tasks on the page of what waits."""
    page = as_(username).get("/plans/approval/inbox/").content.decode()
    return {
        title
        for title in ("Validation of segments", "Roadmap validation", "Legal approval", "Distribute")
        if title in page
    }


def messages_to(username):
    delivery.work_off()
    found = Notification.objects.filter(person__accounts__username=username).order_by("pk")
    return list(found.values_list("subject", flat=True))


def used(plan):
    body = json.loads(as_("auditor").get(f"/api/v1/plans/{plan.plan_id}/export/").content)
    return [
        (cover["agent"], use["task_id"], use["outcome"], use["person"], use["for"], use["why"])
        for cover in body["fallbacks"]
        for use in cover["used"]
    ]


def test_who_else_holds_the_role_of_somebody_away_is_named_before_the_start():
    go_away("strategist")
    plan = start_as("ops", LAUNCH.replace("2025-12-10", LAUNCH_DAY))
    reviewed = next(item["evidence"] for item in plan.checklist if item["key"] == "substitutes")
    assert "Samir Haddad (referral-architect) is away today: Paul Nguyen of the same role covers." in reviewed
    form = {
        "program": "customer-advocates",
        "launch_date": LAUNCH_DAY,
        "channels": "email",
        "step": "preview",
    }
    page = as_("ops").post("/plans/plan/run/launch-program/", form).content.decode()
    assert "Samir Haddad (away)" in page


def test_the_strategist_covers_the_analyst():
    go_away("analyst")
    plan = start_as("ops", BLUEPRINT)
    reviewed = next(item["evidence"] for item in plan.checklist if item["key"] == "substitutes")
    assert "Ana Kovač (member-insights-analyst) is away today: loyalty-strategist covers." in reviewed
    assert f"You stand in for Ana Kovač: {plan.plan_id}" in messages_to("strategist")
    told = Notification.objects.get(subject=f"You stand in for Ana Kovač: {plan.plan_id}").body
    assert "You are asked as loyalty-strategist: 2.3 Validation of segments." in told
    assert "The system computes 1.1 " in told
    work_off(plan, "signal-review", "tier-design")
    assert inbox_of("strategist") == {"Validation of segments"}
    assert "Your task: Validation of segments" in messages_to("strategist")
    task = plan.tasks.get(key="segment-validation")
    page = as_("strategist").get(f"/plans/task/{task.pk}/change/").content.decode()
    assert "Samir Haddad, in place of Ana Kovač" in page
    assert "Segments, sizes and assumptions to validate" in page
    answer = as_("strategist").post(
        f"/api/v1/tasks/{task.pk}/complete/",
        {"comment": "Sizes hold.", "evidence": {"note": "compared"}},
        format="json",
        headers={"If-Match": "*"},
    )
    assert answer.status_code == 200, answer.content
    told = ("Samir Haddad", "Ana Kovač", UNTIL)
    assert used(plan) == [
        ("member-insights-analyst", "1.1", "asked", *told),
        ("member-insights-analyst", "2.3", "asked", *told),
        ("member-insights-analyst", "2.3", "asked", *told),
        ("member-insights-analyst", "2.3", "done", *told),
    ]


def test_loyalty_operations_cover_the_strategist():
    go_away("strategist")
    plan = work_off(start_as("partner", MONITOR))
    assert inbox_of("ops") == {"Roadmap validation"}
    assert "Your decision is needed: Roadmap validation" in messages_to("ops")
    approval = decide(plan, "roadmap-validation", "ops")
    assert approval.state == "approved"
    why = f"Samir Haddad {UNTIL}"
    assert approval.decisions.get().evidence == {
        "authority": "fallback for loyalty-strategist",
        "for": ["Samir Haddad"],
        "why": why,
    }
    votes = [use for use in used(plan) if use[2] == "approve"]
    assert votes == [("loyalty-strategist", "5.1", "approve", "Olivia Park", "Samir Haddad", why)]


def test_the_executive_sponsor_covers_legal():
    go_away("legal")
    plan = work_off(start_as("ops", BLUEPRINT))
    assert inbox_of("exec") == {"Legal approval"}
    assert "Your decision is needed: Legal approval" in messages_to("exec")
    assert decide(plan, "legal-approval", "exec").state == "approved"
    assert used(plan)[-1][2:] == ("approve", "Elena Rossi", "Lena Brandt", f"Lena Brandt {UNTIL}")


def test_nobody_covers_for_their_own_request():
    go_away("strategist")
    with pytest.raises(GuardNotMet, match="its review checklist has 1 open item") as refused:
        start_as("ops", MONITOR)
    assert [p.message.partition(":")[0] for p in refused.value.problems] == [
        "Today's people can give every approval"
    ]


def test_the_analyst_is_given_the_segments_sizes_and_assumptions_to_check():
    plan = work_off(start(BLUEPRINT), "signal-review", "tier-design")
    rows = plan.artifacts.get(key="segments_to_validate").payload["rows"]
    assert {row[0] for row in rows} == {"Segment", "Tier", "Assumption"}
    assert sum(row[2] for row in rows if row[0] == "Tier") == 23_570
    assert plan.tasks.get(key="segment-validation").owner.name == "Ana Kovač"
    work_off(plan, "lifecycle-mapping", "economic-modeling", "governance-packet")
    assert plan.tasks.get(key="governance-packet").state == "pending"  # it waits for the analyst


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_the_retry_limit_is_a_guardrail_of_the_run_and_moves_no_figure(limit):
    plan, usual = start(f"{BLUEPRINT} --retry-limit {limit}"), start(BLUEPRINT)
    assert (plan.usage, plan.seed) == (f"{BLUEPRINT} --retry-limit {limit}", usual.seed)
    assert set(plan.tasks.values_list("max_retries", flat=True)) == {limit}
    assert (plan.rules.max_retries, usual.rules.max_retries, usual.usage) == (limit, 2, BLUEPRINT)


def test_no_run_retries_more_often_than_its_document():
    with pytest.raises(base.InvalidInput) as refused:
        start(f"{BLUEPRINT} --retry-limit 3")
    (problem,) = refused.value.problems
    assert (problem.field, problem.message) == ("retry_limit", "3 is out of range.")
