"""Schedules over REST: checked like everywhere, in the caller's name, never deleted."""

import pytest
from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from plans.models import Plan, Schedule
from plans.runs import schedules
from tests.factories import PersonFactory, ProgramFactory, RoleFactory, UserFactory

pytestmark = pytest.mark.usefixtures("acting", "watch_command")
URL = "/api/v1/schedules/"


def may(user, *codenames):
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    client = APIClient()
    client.force_login(user)
    return client


@pytest.fixture
def operator():
    RoleFactory(slug="watcher")
    ProgramFactory(slug="gold")
    names = (
        "view_schedule",
        "add_schedule",
        "change_schedule",
        "delete_schedule",
        "view_scheduledrun",
        "operate_plan",
    )
    person = PersonFactory(user=UserFactory(username="operator"))
    return may(person.accounts.get(), *names)


def body(**fields):
    return {"name": "daily", "command": "monitor-test", "program": "gold", "crontab": "0 12 * * *"} | fields


def test_a_schedule_is_made_in_the_callers_name_whoever_the_body_names(operator):
    answer = operator.post(URL, body(owner=UserFactory().username), format="json")
    assert (answer.status_code, answer.data["next_due_at"]) == (201, "2026-03-02T12:00:00Z")
    assert answer.data["owner"] == "operator"


def test_who_changes_what_it_does_takes_it_over_and_who_switches_it_off_does_not(operator):
    made = operator.post(URL, body(), format="json")
    first = Schedule.objects.get().owner
    second = PersonFactory().accounts.get()
    client = may(second, "view_schedule", "change_schedule", "operate_plan")
    address = f"{URL}{made.data['id']}/"
    off = client.patch(address, {"is_active": False}, format="json", headers={"If-Match": made["ETag"]})
    assert (off.status_code, off.data["owner"], off.data["next_due_at"]) == (200, first.username, None)
    moved = client.patch(address, {"crontab": "0 6 * * *"}, format="json", headers={"If-Match": off["ETag"]})
    assert (moved.status_code, moved.data["owner"]) == (200, second.username)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"crontab": "daily"}, "crontab"),
        ({"command": "monitor-tset"}, "command"),
        ({"inputs": {"depth": "deep"}}, "inputs"),
        ({"program": "silver"}, "program"),
    ],
)
def test_a_schedule_that_cannot_work_is_refused_by_field(operator, fields, field):
    answer = operator.post(URL, body(**fields), format="json")
    assert (answer.status_code, field in str(answer.data)) == (400, True)


def test_who_may_not_operate_plans_may_not_schedule_them(operator):
    client = may(UserFactory(), "view_schedule", "add_schedule")
    answer = client.post(URL, body(), format="json")
    assert (answer.status_code, "permission to operate plans" in str(answer.data)) == (400, True)


@pytest.mark.parametrize(("method", "code"), [("get", 403), ("post", 403)])
def test_without_permission_nothing(operator, method, code):
    assert getattr(may(UserFactory()), method)(URL, {}, format="json").status_code == code


def test_nobody_deletes_a_schedule(operator):
    made = operator.post(URL, body(), format="json")
    assert operator.delete(f"{URL}{made.data['id']}/", headers={"If-Match": made["ETag"]}).status_code == 405


def test_what_came_of_each_time_is_listed_and_a_skipped_one_runs_after_all(operator, time):
    operator.post(URL, body(), format="json")
    time.pass_time(hours=4)
    schedules.fire_due()
    (row,) = operator.get("/api/v1/scheduled-runs/?state=skipped").data["results"]
    assert (row["schedule"], row["due_at"], row["plan"]) == ("daily", "2026-03-02T12:00:00Z", None)
    again = f"/api/v1/scheduled-runs/{row['id']}/run-after-all/"
    assert operator.post(again, {"reason": ""}, format="json").status_code == 400
    assert operator.post(again, {"reason": "Wanted"}, format="json").data["state"] == "due"
    schedules.fire_due()
    (row,) = operator.get("/api/v1/scheduled-runs/").data["results"]
    assert (row["state"], row["plan"]) == ("started", Plan.objects.get().plan_id)
    assert operator.post(again, {"reason": "Once more"}, format="json").status_code == 409
