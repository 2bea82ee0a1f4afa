"""A partner's contact sees their own records and tasks, and nothing that plans hold of other partners."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from rest_framework.test import APIClient

from gtm.core.actors import Actor, acting_as
from plans.engine.escalation import ladder
from plans.models import Reading, RipcordPull
from programs.models import Partner
from tests.doors import url
from tests.factories import PersonFactory, make_plan, round_of

LISTS = (
    "plans", "tasks", "approvals", "escalations", "readings", "ripcords", "break-glass", "schedules",
    "scheduled-runs", "policies",
)  # fmt: skip
PAGES = (
    "approval",
    "escalation",
    "reading",
    "breach",
    "ripcordpull",
    "breakglass",
    "scheduledrun",
    "schedule",
)


@pytest.fixture
def contact(db):
    """A contact who may read everything by their permissions, as they never should."""
    with acting_as(Actor.system("Test")):
        person = PersonFactory()
        account = person.accounts.get()
        account.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
        account.is_staff = True
        account.save()
        Partner(slug="northwind", name="Northwind", contact=person).save()
    return type(account).objects.get(pk=account.pk)


@pytest.fixture
def around(db):
    """A plan with everything that hangs on it."""
    with acting_as(Actor.system("Test")):
        plan = make_plan()
        case = ladder.open_case(plan, "late", "Late", approval=round_of(plan))
        pull = RipcordPull(scope="plan", plan=plan, reason="r")
        pull.save()
        reading = Reading(plan=plan, program=plan.program, rule="r", window="w", period="p", verdict="normal")
        reading.save()
    return {
        "tasks": plan.tasks.first().pk,
        "approvals": round_of(plan).pk,
        "escalations": case.pk,
        "ripcords": pull.pk,
        "readings": reading.pk,
    }


@pytest.mark.parametrize("name", LISTS)
def test_lists_over_rest_are_empty_for_a_contact(contact, around, name):
    client = APIClient()
    client.force_login(contact)
    answer = client.get(url(f"{name}/"))
    assert (answer.status_code, answer.json()["count"]) == (200, 0)
    if name in around:
        assert client.get(url(f"{name}/{around[name]}/")).status_code == 404


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_closed_for_a_contact(contact, around, client, name):
    client.force_login(contact)
    assert client.get(reverse(f"admin:plans_{name}_changelist")).status_code == 403


def test_a_contact_has_their_own_tasks_alone(contact, around, client):
    with acting_as(Actor.system("Test")):
        plan = make_plan()
        task = plan.tasks.first()
        task.owner = Partner.objects.get().contact
        task.save()
    api = APIClient()
    api.force_login(contact)
    assert [row["id"] for row in api.get(url("tasks/")).json()["results"]] == [task.pk]
    client.force_login(contact)
    assert client.get(reverse("admin:plans_task_change", args=[task.pk])).status_code == 200
    assert client.get(reverse("admin:plans_task_change", args=[around["tasks"]])).status_code == 404


def test_our_own_people_see_them_all(around):
    with acting_as(Actor.system("Test")):
        account = PersonFactory().accounts.get()
        account.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = APIClient()
    client.force_login(type(account).objects.get(pk=account.pk))
    for name, number in around.items():
        assert client.get(url(f"{name}/{number}/")).status_code == 200, name
