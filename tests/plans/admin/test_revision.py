"""A plan sent back by an approver, revised in the admin."""

import pytest
from django.test import Client
from django.urls import reverse

from gtm.core.actors import ADMIN, Actor, acting_as
from plans.demo.organisation import PASSWORD
from plans.engine.notices import delivery
from plans.models import Plan
from plans.runs import registry
from programs.analytics.assumptions import LoyaltyAssumptions
from tests.documents.usage import PLAN_LOYALTY
from tests.doors import user
from tests.factories import round_of
from tests.plans.conftest import BLUEPRINT, output_of, start, work_off

GOOD = {"program": "cdnow", "goal": "retention", "tiers": "3", "budget": "50000"}


def client(username: str) -> Client:
    session = Client()
    session.force_login(user(username))
    return session


@pytest.fixture
def sent_back(organisation) -> Plan:
    with acting_as(Actor.of_user(user("ops"), ADMIN, interactive=True)):
        plan = start(BLUEPRINT)
    work_off(plan)
    page = reverse("admin:plans_approval_change", args=[round_of(plan, "finance-approval").pk])
    finance = client("finance")
    seen = finance.get(page).context["form"].initial["scope_sha256"]
    answer = {"decision": "request_changes", "comment": "Half.", "password": PASSWORD, "scope_sha256": seen}
    assert finance.post(page, answer).status_code == 302
    return plan


def test_a_plan_sent_back_is_revised_and_asks_again(sent_back):
    ops, url = client("ops"), reverse("admin:plans_plan_revise", args=[sent_back.pk])
    assert "Half." in ops.get(url).content.decode()
    refused = ops.post(url, GOOD | {"budget": "-5", "comment": "Less."})
    assert "budget" in refused.context["form"].errors
    assert ops.post(url, GOOD | {"budget": "2000", "comment": "Less, as asked."}).status_code == 302
    sent_back.refresh_from_db()
    assert (sent_back.revision, sent_back.inputs["budget"]["amount"]) == (2, "2000")
    work_off(sent_back)
    assert round_of(sent_back, "finance-approval").round == 2


def test_assumptions_are_edited_where_they_stand_and_computed_again(sent_back):
    ops, page = client("ops"), reverse("admin:plans_plan_change", args=[sent_back.pk])
    url = reverse("admin:plans_plan_assume", args=[sent_back.pk])
    rows = {row["name"]: row for row in ops.get(page).context["assumptions"]}
    assert [one["name"] for one in rows["enrolment"]["fields"]] == [
        "enrolment-low", "enrolment-likely", "enrolment-high",
    ]  # fmt: skip
    assert [one["name"] for one in rows["horizon"]["fields"]] == ["horizon-likely"]
    assert rows["platform cost"]["fields"] == []  # entered a month, shown a year
    shown = {one["name"]: one["text"] for row in rows.values() for one in row["fields"]}
    ops.post(url, shown | {"comment": "Nothing."})
    ops.post(url, shown | {"enrolment-low": "0.9", "comment": "Low is above likely."})
    sent_back.refresh_from_db()
    assert (sent_back.revision, sent_back.state) == (1, "changes_requested")
    ops.post(url, shown | {"enrolment-low": "0.2", "horizon-likely": "24", "comment": "As in the survey."})
    sent_back.refresh_from_db()
    assert sent_back.revision == 2
    assert {n: sent_back.inputs[n] for n in sent_back.inputs if n in ("enrolment", "horizon", "lift")} == {
        "enrolment": {"low": "0.2", "likely": shown["enrolment-likely"], "high": shown["enrolment-high"]},
        "horizon": 24,
    }
    work_off(sent_back)
    now = {row["name"]: row for row in ops.get(page).context["assumptions"]}
    assert (now["enrolment"]["low"], now["horizon"]["likely"]) == (0.2, 24)
    assert "entered with this run" in now["enrolment"]["source"]
    assert (now["lift"], client("finance").post(url, shown).status_code) == (rows["lift"], 403)


def test_what_an_input_sets_is_a_row_of_the_assumptions():
    rows = {row.name.replace("_", " ") for row in LoyaltyAssumptions().table()}
    asked = {i.row for i in registry.get(PLAN_LOYALTY).inputs if i.row}
    assert asked and asked <= rows


def test_an_approver_sees_what_changed_since_the_last_vote(sent_back):
    url = reverse("admin:plans_plan_revise", args=[sent_back.pk])
    client("ops").post(url, GOOD | {"budget": "2000", "comment": "Less, as asked."})
    work_off(sent_back)
    page = reverse("admin:plans_approval_change", args=[round_of(sent_back, "finance-approval").pk])
    shown = client("finance").get(page)
    changes = {c.what: (c.before, c.after) for c in shown.context["changes"]}
    assert changes["Budget: amount"] == ("50000", "2000")
    assert [(said["by"], said["text"]) for said in shown.context["reasons"]] == [
        ("Fiona Walsh", "Half."), ("Olivia Park", "Less, as asked."),
    ]  # fmt: skip
    assert "Why you are asked again" in shown.content.decode()


def test_who_asked_for_a_plan_has_the_request_for_changes_with_its_reason(sent_back, mailoutbox):
    inbox = client("ops").get(reverse("admin:plans_inbox"))
    assert [approval.plan for approval in inbox.context["waiting"].sent_back] == [sent_back]
    assert "“Half.”" in inbox.content.decode()
    assert reverse("admin:plans_plan_revise", args=[sent_back.pk]) in inbox.content.decode()
    assert client("legal").get(reverse("admin:plans_inbox")).context["waiting"].sent_back == []
    delivery.work_off()
    told = {m.to[0]: m.body for m in mailoutbox if m.subject.startswith("Changes are asked for")}
    assert "Fiona Walsh asks: Half." in told[user("ops").people.get().email]
    assert user("legal").people.get().email not in told
    url = reverse("admin:plans_plan_revise", args=[sent_back.pk])
    client("ops").post(url, GOOD | {"budget": "2000", "comment": "Less, as asked."})
    assert client("ops").get(reverse("admin:plans_inbox")).context["waiting"].sent_back == []


def test_an_assumption_is_changed_on_the_page_and_the_plan_is_computed_again(sent_back):
    ops, url = client("ops"), reverse("admin:plans_plan_revise", args=[sent_back.pk])
    before = output_of(sent_back, "economic-modeling")
    wrong = ops.post(url, GOOD | {"lift": "9%/5%/2%", "comment": "A better lift."})
    assert "lift" in wrong.context["form"].errors
    entered = GOOD | {"lift": "5%/8%/12%", "launch_cost": "1000", "comment": "A better lift."}
    assert ops.post(url, entered).status_code == 302
    work_off(sent_back)
    assert (sent_back.revision, sent_back.inputs["lift"]["likely"]) == (2, "0.08")
    after = output_of(sent_back, "economic-modeling")
    assert (after["lift"]["likely"], after["lift"]["source"]) == (0.08, "entered with this run")
    assert after["expected_lift"] > before["expected_lift"]
    assert ops.get(url).context["form"]["lift"].value() == "0.05/0.08/0.12"


def test_revising_takes_the_permission_to_operate(sent_back):
    url = reverse("admin:plans_plan_revise", args=[sent_back.pk])
    assert client("auditor").get(url).status_code == 403
