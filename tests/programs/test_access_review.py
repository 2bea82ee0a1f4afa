"""Who could do what on any date: from history, whatever has changed since."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import CommandError, call_command

from gtm.core.actors import Actor, acting_as
from gtm.core.evidence import accounts, changelog
from programs import access_review
from tests.factories import START, AbsenceFactory, DelegationFactory, PersonFactory, RoleFactory, UserFactory
from tests.plans.engine.conftest import acting, time  # noqa: F401 - fixtures

pytestmark = pytest.mark.usefixtures("acting")


@pytest.fixture
def ada():
    user = UserFactory(username="ada", date_joined=START)
    return PersonFactory(name="Ada", email="ada@example.com", user=user, roles=["finance"])


def permission(codename):
    return Permission.objects.get(codename=codename)


def held(at, kind):
    return [
        (grant.person, grant.account, grant.what, grant.detail, grant.in_force)
        for grant in access_review.review(at)
        if grant.kind == kind
    ]


def test_a_seat_is_shown_as_it_was_before_and_after_every_change(ada, time):  # noqa: F811
    seat = ada.approverships.get()
    times = [time()]
    time.pass_time(days=1)
    seat.limit_amount = 5000
    seat.save()
    times.append(time())
    time.pass_time(days=1)
    seat.delete()
    times.append(time())
    assert [held(at, "approver") for at in times] == [
        [("Ada", "", "finance", "", True)],
        [("Ada", "", "finance", "up to 5,000.00 USD a year", True)],
        [],
    ]


def test_a_seat_outside_its_dates_is_shown_as_not_in_force_with_the_reason(ada, time):  # noqa: F811
    seat = ada.approverships.get()
    seat.valid_until = datetime(2026, 4, 1, tzinfo=UTC)
    seat.save()
    (grant,) = [g for g in access_review.review(datetime(2026, 4, 1, tzinfo=UTC)) if g.kind == "approver"]
    assert (grant.in_force, grant.why_not, grant.until) == (
        False, "no longer valid", "2026-04-01T00:00:00.000000Z",
    )  # fmt: skip


def test_a_delegation_counts_between_its_dates_and_until_it_is_revoked(ada, time):  # noqa: F811
    bob = PersonFactory(name="Bob")
    row = DelegationFactory(principal=ada, delegate=bob, role=RoleFactory(slug="finance"), amount_cap=100)
    before = time()
    time.pass_time(days=1)
    row.revoked_at = time()
    row.save()
    told = ("Bob", "", "finance", "for Ada; up to 100.00 USD a year; travels")
    assert held(before, "delegate") == [(*told, True)]
    assert held(time(), "delegate") == [(*told, False)]


def test_a_substitute_counts_while_the_other_is_away(ada, time):  # noqa: F811
    AbsenceFactory(person=ada, substitute=PersonFactory(name="Bob"))
    assert held(time(), "substitute") == [("Bob", "", "stands in for Ada", "", True)]
    assert held(datetime(2026, 5, 1, tzinfo=UTC), "substitute")[0][-1] is False


def test_permissions_are_those_of_the_date_through_groups_and_directly(ada, time):  # noqa: F811
    user, group = ada.accounts.get(), Group.objects.create(name="Ops")
    times = [time.pass_time(days=1)]
    time.pass_time(hours=1)
    group.permissions.add(permission("operate_plan"))
    user.groups.add(group)
    times.append(time.pass_time(days=1))
    time.pass_time(hours=1)
    user.user_permissions.add(permission("operate_plan"))
    times.append(time.pass_time(days=1))
    time.pass_time(hours=1)
    group.permissions.clear()
    times.append(time.pass_time(days=1))
    time.pass_time(hours=1)
    group.user_set.remove(user)
    user.user_permissions.set([permission("pull_ripcord")])
    times.append(time.pass_time(days=1))
    operate = ("Ada", "ada", "plans.operate_plan")
    assert [held(at, "permission") for at in times] == [
        [],
        [(*operate, "group Ops", True)],
        [(*operate, "granted directly, group Ops", True)],
        [(*operate, "granted directly", True)],
        [("Ada", "ada", "plans.pull_ripcord", "granted directly", True)],
    ]
    assert [len(held(at, "group")) for at in times] == [0, 1, 1, 1, 0]


def test_a_permission_names_who_gave_it_last_to_the_account_to_its_group_or_the_group_to_it(ada, time):  # noqa: F811
    user, group = ada.accounts.get(), Group.objects.create(name="Ops")

    def given_by():
        time.pass_time(hours=1)
        return [g.given_by for g in access_review.review(time()) if g.what == "plans.operate_plan"]

    with acting_as(Actor.system("First")):
        user.groups.add(group)
    time.pass_time(hours=1)
    with acting_as(Actor.system("Second")):
        group.permissions.add(permission("operate_plan"))
    assert given_by() == ["Second"]
    user.groups.clear()
    with acting_as(Actor.system("Third")):
        user.groups.add(group)
    assert given_by() == ["Third"]
    with acting_as(Actor.system("Fourth")):
        user.user_permissions.add(permission("operate_plan"))
    assert given_by() == ["Fourth"]


def test_a_superuser_of_last_week_is_shown_as_one(ada, time):  # noqa: F811
    user = ada.accounts.get()
    user.is_superuser = True
    user.save()
    then = time.pass_time(days=1)
    time.pass_time(days=6)
    user.is_superuser = user.is_active = False
    user.save()
    assert held(then, "permission") == [("Ada", "ada", "every permission", "superuser", True)]
    assert held(time(), "permission") == []


def test_a_closed_account_keeps_its_grants_and_none_is_in_force(ada, time):  # noqa: F811
    user = ada.accounts.get()
    user.user_permissions.add(permission("operate_plan"))
    user.is_active = False
    user.save()
    assert held(time(), "permission") == [("Ada", "ada", "plans.operate_plan", "granted directly", False)]


def test_deleted_accounts_and_groups_are_still_there_on_earlier_dates(time):  # noqa: F811
    eve, group = UserFactory(username="eve", date_joined=START), Group.objects.create(name="Ops")
    group.permissions.add(permission("pull_ripcord"))
    eve.groups.add(group)
    then = time.pass_time(days=1)
    time.pass_time(hours=1)
    group.delete()
    eve.delete()
    assert held(then, "permission") == [("", "eve", "plans.pull_ripcord", "group Ops", True)]
    assert held(time(), "permission") == []


def test_an_account_belongs_to_whom_it_belonged_then(ada, time):  # noqa: F811
    user, bob = ada.accounts.get(), PersonFactory(name="Bob")
    user.user_permissions.add(permission("operate_plan"))
    then = time.pass_time(days=1)
    time.pass_time(hours=1)
    user.people.clear()
    bob.accounts.add(user)
    told = ("ada", "plans.operate_plan", "granted directly", True)
    assert held(then, "permission") == [("Ada", *told)]
    assert held(time(), "permission") == [("Bob", *told)]


def test_an_account_made_later_is_not_there_yet(time):  # noqa: F811
    UserFactory(username="new", is_superuser=True, date_joined=datetime(2026, 3, 10, tzinfo=UTC))
    assert accounts.rights_at(time()) == []
    assert [r.username for r in accounts.rights_at(datetime(2026, 3, 10, tzinfo=UTC))] == ["new"]


def test_every_change_of_rights_is_a_row_of_the_log_that_names_who_did_it(ada):
    ada.accounts.get().user_permissions.add(permission("operate_plan"))
    row = list(changelog.rows("installation"))[-1]
    assert (row["actor"], row["object"], row["field"], row["from"], row["to"]) == (
        "Test", "user ada", "user_permissions", [], ["plans.operate_plan"],
    )  # fmt: skip
    assert changelog.verify_chain("installation") == []


def test_the_command_prints_json_and_csv_that_no_spreadsheet_computes(ada, capsys):
    ada.name = "=1+1"
    ada.save()
    call_command("access_review", at="2026-03-02")
    told = json.loads(capsys.readouterr().out)
    assert (told["at"], told["grants"][0]["person"]) == ("2026-03-02T23:59:59.999999Z", "=1+1")
    call_command("access_review", at="2026-03-02T23:00:00Z", format="csv")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["kind"], row["person"], row["what"]) for row in rows] == [("approver", "'=1+1", "finance")]


@pytest.mark.parametrize("text", ["yesterday", "2026-02-30", "2026-03-02T10:00:00", ""])
def test_what_is_no_instant_is_refused_with_a_sentence(text):
    with pytest.raises(ValueError, match="neither a date"):
        access_review.instant_of(text)


def test_the_command_refuses_it_too():
    with pytest.raises(CommandError, match="neither a date"):
        call_command("access_review", at="yesterday")
