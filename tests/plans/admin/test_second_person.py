"""Where the second person comes from: who is concerned, and nobody becomes the only one who could agree."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.urls import reverse

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.evidence import changelog
from programs.models import Approver, GuardedChange, Person
from tests.doors import url, user
from tests.factories import UserFactory
from tests.plans.admin.test_two_people import (
    SYSTEM,
    alone,
    answer,
    at,
    bring,
    fields_of,
    finance,
    page,
    patch,
    rest,
    save_page,
    who,
)

NOBODY = "Today nobody can be the second person"


def steward(username):
    with acting_as(SYSTEM):
        user(username).groups.add(Group.objects.get(name="Stewards"))


@pytest.fixture
def two(demo):
    """Elena and Dora are the stewards."""
    with acting_as(SYSTEM):
        Group.objects.get(name="Stewards").user_set.set([user("exec"), user("deputy")])


@pytest.fixture
def administrator(two):
    """Elena, one of two stewards, who also looks after accounts."""
    with acting_as(SYSTEM):
        allowed = Permission.objects.filter(content_type__app_label="auth")
        user("exec").user_permissions.add(*allowed, Permission.objects.get(codename="delete_person"))
    return "exec"


def legal_for_deputy():
    body = {"person": who("deputy").email, "role": "legal"}
    return rest("exec").post(url("approvers/"), body, format="json")


def test_what_concerns_everybody_else_waits_for_somebody_who_is_to_come(two):
    """Of two stewards one does not change what the other may, as if she were alone."""
    asked = legal_for_deputy()
    assert (asked.status_code, "concerned by it" in asked.json()["hint"]) == (202, True)
    change = GuardedChange.objects.get()
    assert change.state == "proposed"
    assert not who("deputy").approverships.filter(role__slug="legal").exists()
    address = at(GuardedChange, "change", change.pk)
    assert NOBODY in page("exec").get(address).content.decode()
    steward("legal")
    shown = page("legal").get(address).content.decode()
    assert "The second person can be Lena Brandt." in shown
    assert answer("legal", change, "approve").json()["state"] == "approved"
    assert who("deputy").approverships.filter(role__slug="legal").exists()


def test_a_change_says_in_names_what_is_written(demo):
    legal_for_deputy()
    shown = page("exec").get(at(GuardedChange, "change", GuardedChange.objects.get().pk))
    lines = {line["label"]: line["after"] for line in shown.context["lines"]}
    assert (lines["person"], lines["role"]) == ("Dora Klein", "Legal")


# ------------------------------------------------------------------ the last who could agree


def account_page(username, **changed):
    row = user(username)
    client, address = page("exec"), reverse("admin:auth_user_change", args=[row.pk])
    sent = {
        name: value for name, value in (fields_of(client, address) | changed).items() if value is not None
    }
    client.post(address, sent, follow=True)


def person_closed():
    client, address = page("exec"), at(Person, "change", who("deputy").pk)
    sent = fields_of(client, address)
    sent.pop("is_active")
    client.post(address, sent, follow=True)


def account_closed():
    account_page("deputy", is_active=None)


def groups_taken():
    account_page("deputy", groups=[])


def right_taken_from_the_group():
    group = Group.objects.get(name="Stewards")
    with acting_as(SYSTEM):  # hers does not come from the group
        user("exec").user_permissions.add(*group.permissions.all())
    kept = group.permissions.exclude(codename="decide_guardedchange").values_list("pk", flat=True)
    save_page("exec", group, permissions=list(kept))


def group_deleted():
    group = Group.objects.get(name="Stewards")
    with acting_as(SYSTEM):
        user("exec").user_permissions.add(*group.permissions.all())
    page("exec").post(reverse("admin:auth_group_delete", args=[group.pk]), {"post": "yes"}, follow=True)


def person_closed_by_a_file():
    bring("exec", Person, f"email,name,is_active\n{who('deputy').email},Dora Klein,0\n")


WAYS = [person_closed, person_closed_by_a_file, account_closed, groups_taken, right_taken_from_the_group,
        group_deleted]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_nobody_becomes_the_only_one_by_taking_the_others_away(administrator, way):
    way()
    assert user("deputy").has_perm("programs.decide_guardedchange")
    assert who("deputy").is_active
    change = GuardedChange.objects.get()
    assert (change.state, change.people) == ("proposed", [])
    assert "nobody else could agree" in change.what
    row = {"person": who("studio").email, "role": "legal"}
    assert rest("exec").post(url("approvers/"), row, format="json").status_code == 202
    assert answer("deputy", change, "approve").json()["state"] == "approved"
    deputy = user("deputy")
    assert not (deputy.has_perm("programs.decide_guardedchange") and deputy.people.get().is_active)


def test_where_somebody_is_left_a_loss_holds_at_once(administrator):
    steward("legal")
    person_closed()
    assert not Person.objects.get(name="Dora Klein").is_active
    assert not GuardedChange.objects.exists()


def test_who_leaves_themselves_asks_nobody(administrator):
    account_page("exec", groups=[])
    assert not user("exec").groups.exists()
    assert not GuardedChange.objects.exists()


# ------------------------------------------------------------------ two accounts of one steward


def test_a_steward_without_a_role_does_not_become_two_people(demo):
    """An account that may agree belongs to its person as much as one that decides at gates."""
    with acting_as(SYSTEM):
        olaf = Person(name="Olaf", email="olaf@example.com")
        olaf.save()
        for name in ("olaf", "olaf-2"):
            account = UserFactory(username=name, is_staff=True)
            account.groups.add(Group.objects.get(name="Stewards"))
            account.user_permissions.add(
                *Permission.objects.filter(codename__in=["add_person", "view_approver"])
            )
            olaf.accounts.add(account)
    assert patch("olaf", url(f"approvers/{finance().pk}/"), limit_amount="9000000").status_code == 202
    change = GuardedChange.objects.get()
    save_page("olaf", olaf, accounts=[user("olaf").pk])
    client, address = page("olaf"), at(Person, "add")
    form = {"name": "Ghost", "email": "ghost@example.com", "accounts": [user("olaf-2").pk]}
    client.post(address, fields_of(client, address) | form, follow=True)
    assert list(user("olaf-2").people.all()) == [olaf]
    refused = answer("olaf-2", change, "approve")
    assert "Nobody is the second person for their own change." in refused.json()["detail"]
    told = GuardedChange.objects.exclude(pk=change.pk).order_by("pk").values_list("state", "what")
    assert list(told) == [
        ("proposed", f"The account olaf-2 is taken from Olaf ({olaf.email})"),
        ("proposed", "The account olaf-2 is linked to Ghost (ghost@example.com)"),
    ]


def test_a_person_is_made_and_the_account_that_may_do_something_is_linked_by_two(demo):
    with acting_as(SYSTEM):
        newcomer = UserFactory(username="newcomer", is_staff=True)
        newcomer.groups.add(Group.objects.get(name="Operations"))
        user("exec").user_permissions.add(Permission.objects.get(codename="add_person"))
    client, address = page("exec"), at(Person, "add")
    form = {"name": "Nina New", "email": "nina@example.com", "accounts": [newcomer.pk]}
    client.post(address, fields_of(client, address) | form, follow=True)
    nina = Person.objects.get(email="nina@example.com")
    assert not nina.accounts.exists()
    assert answer("deputy", GuardedChange.objects.get(), "approve").json()["state"] == "approved"
    assert nina.accounts.get() == newcomer


def test_what_is_linked_to_somebody_who_was_not_saved_is_not_proposed(demo):
    """Their number would be the next person's."""
    with acting_as(SYSTEM):
        user("exec").user_permissions.add(Permission.objects.get(codename="add_person"))
    bring("exec", Person, "email,name,accounts\nghost@example.com,Ghost,ops@demo.example\n")
    assert not Person.objects.filter(email="ghost@example.com").exists()
    assert not GuardedChange.objects.exists()


def test_the_only_steward_of_a_site_is_still_alone(demo):
    alone()
    assert legal_for_deputy().status_code == 201
    assert GuardedChange.objects.get().state == "single_handed"
    assert Approver.objects.filter(person=who("deputy"), role__slug="legal").exists()


def test_an_account_that_has_done_something_is_closed_not_deleted(administrator, demo):
    """With it would go who edited a plan, and who of these must not decide about it."""
    with acting_as(Actor.of_user(user("sales"), ADMIN, interactive=True)):
        changelog.append(demo, "noted", reason="Sara was here.")
    with acting_as(SYSTEM):
        UserFactory(username="unused")
    for name in ("sales", "legal", "unused"):
        page("exec").post(reverse("admin:auth_user_delete", args=[user(name).pk]), {"post": "yes"})
    left = get_user_model().objects.filter(username__in=["sales", "legal", "unused"])
    assert {row.username for row in left} == {"sales", "legal"}
    account_page("sales", is_active=None)
    assert not user("sales").is_active


def test_when_the_other_steward_is_gone_a_third_person_comes_by_the_command_line(two):
    """As the documents for operators say."""
    get_user_model().objects.create_superuser("tom", "tom@example.com", "secret-2026")
    client, address = page("tom"), at(Person, "add")
    form = {"name": "Tom", "email": "tom@example.com", "accounts": [user("tom").pk]}
    client.post(address, fields_of(client, address) | form, follow=True)
    link = GuardedChange.objects.get(state="proposed")
    assert link.what == "The account tom is linked to Tom (tom@example.com)"
    assert answer("exec", link, "approve").json()["state"] == "approved"
    person_closed()
    assert not Person.objects.get(name="Dora Klein").is_active
