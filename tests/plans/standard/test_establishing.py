"""From ``migrate`` on an empty database to a site on which a run can start, by command and by page."""

import io

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.urls import reverse

from gtm.core.actors import COMMAND_LINE, Actor, acting_as
from gtm.core.errors import InvalidInput
from gtm.core.evidence import keys
from plans.runs import draft, needed_roles, registry
from plans.schemas import roles
from plans.standard import establishing
from programs.models import GuardedChange, Metric, Person, Role, Runbook, two_people

pytestmark = pytest.mark.django_db
ANA, BO = "Ana Silva <ana@example.com>", "Bo Lund <bo@example.com>"


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.GTM_KEYS_DIR = tmp_path / "keys"
    settings.GTM_SIGNING_KEYS = []


def told(*arguments):
    out = io.StringIO()
    call_command("establish", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def by_somebody():
    with acting_as(Actor.system("somebody", via=COMMAND_LINE)):
        yield


def test_what_the_commands_need_is_made_and_a_second_time_changes_nothing():
    said = told("--steward", ANA, "--steward", BO)
    assert set(Role.objects.values_list("slug", flat=True)) == set(needed_roles.all_needed())
    assert Metric.objects.exists() and Runbook.objects.exists() and keys.signing()
    assert Group.objects.filter(name="Stewards", user__people__name="Ana Silva").exists()
    assert "Ana Silva logs in as ana with" in said
    before = GuardedChange.objects.count(), keys.signing()
    assert "Everything was there already." in told("--steward", ANA, "--steward", BO)
    assert (GuardedChange.objects.count(), keys.signing()) == before


def test_it_is_one_change_that_is_marked_single_handed():
    told("--steward", ANA, "--steward", BO)
    (change,) = GuardedChange.objects.all()
    assert (change.state, change.verb) == ("single_handed", two_people.SET_UP)


def test_a_steward_agrees_to_nothing_before_the_password_is_their_own(client):
    said = told("--steward", ANA, "--steward", BO)
    assert two_people.seconds(None) == set()
    for username in ("ana", "bo"):
        line = next(line for line in said.splitlines() if f" as {username} with " in line)
        password = line.rsplit(" ", 1)[1]
        assert client.login(username=username, password=password)
        new = f"a-sentence-of-{username}-2026"
        client.post(
            "/password_change/",
            {"old_password": password, "new_password1": new, "new_password2": new},
        )
    assert two_people.seconds(None) == set(Person.objects.values_list("pk", flat=True))


@pytest.mark.parametrize(
    "wrong",
    [
        ("--steward", "ana"),
        ("--steward", "Ana <ana@example>"),
        ("--steward", ANA, "--steward", "Other <ANA@example.com>"),
        ("--steward", ANA, "--time-zone", "Berlin"),
        ("--steward", ANA, "--country", "Germany"),
    ],
)
def test_a_steward_who_cannot_be_is_refused_before_anything_is_made(wrong):
    with pytest.raises(CommandError):
        told(*wrong)
    assert not Role.objects.exists() and not Person.objects.exists()


def test_every_role_of_our_commands_is_described():
    for command in registry.all_commands():
        if command.plugin.endswith("orchestration"):
            assert needed_roles.of_command(command) <= {role.slug for role in command.roles}, command.path
    assert {role.slug for role in needed_roles.all_needed().values()} >= set(roles.STANDARD)


def test_the_error_of_a_run_names_every_role_at_once_and_the_page(by_somebody):
    command = registry.get("launch-program")
    needed = needed_roles.of_tasks(command)
    with pytest.raises(InvalidInput) as refused:
        draft._refuse_without_roles(command, {})
    assert len(refused.value.problems) == len(needed) > 3
    assert "Establish" in refused.value.hint


def test_the_page_establishes_and_the_home_page_leads_there(client):
    users = get_user_model().objects
    client.force_login(users.create_superuser("admin", "ana@example.com", "first-of-all-2026"))
    page = reverse("admin:plans_establish")
    assert "is not established yet" in client.get("/").content.decode()
    asked = {
        "first_name": "Ana Silva", "first_email": "ana@example.com", "second_name": "Bo Lund",
        "second_email": "ANA@example.com", "country": "DE", "time_zone": "Europe/Berlin", "name": "site",
    }  # fmt: skip
    assert "two addresses" in client.post(page, asked).content.decode()
    assert not Role.objects.exists()
    done = client.post(page, asked | {"second_email": "bo@example.com"}).content.decode()
    assert "Bo Lund</b> logs in as" in done
    assert not establishing.lacking().anything
    assert Person.objects.get(name="Ana Silva").accounts.get().username == "admin"
    assert GuardedChange.objects.get(verb=two_people.SET_UP).requested_by.username == "admin"
    assert "is not established yet" not in client.get("/").content.decode()


def test_the_page_is_for_who_may_do_everything(client):
    user = get_user_model().objects.create_user("eve", password="x", is_staff=True)
    client.force_login(user)
    assert client.get(reverse("admin:plans_establish")).status_code == 403
