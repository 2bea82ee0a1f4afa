"""An empty database: whoever sets it up is alone, so what gives authority is made at once, and marked."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from gtm.core import clock
from gtm.core.actors import COMMAND_LINE, Actor, acting_as
from gtm.core.models import PasswordOfAnother
from plans.demo import organisation
from programs import access_review
from programs.models import Approver, GuardedChange, Person, Role, two_people
from tests.plans.admin.filled_form import filled


@pytest.fixture
def root(db):
    get_user_model().objects.create_superuser("root", "root@example.com", "secret-2026", first_name="Ro")
    client = Client()
    client.force_login(get_user_model().objects.get(username="root"))
    return client


def add(client, model, **form):
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
    sent = filled(client.get(address).content.decode())
    assert client.post(address, sent | form).status_code == 302


def test_people_accounts_and_authority_are_made_in_one_sitting(root):
    users = get_user_model()
    add(root, Role, name="Finance", slug="finance")
    password = dict.fromkeys(("password1", "password2"), "known-to-root-2026")
    add(root, users, username="ada", usable_password="true", **password)
    ada = users.objects.get(username="ada")
    add(root, Person, name="Ada", email="ada@example.com", accounts=[ada.pk])
    add(
        root, Approver, person=Person.objects.get().pk, role=Role.objects.get().pk, reason="She starts today."
    )
    assert Approver.objects.get().person.accounts.get() == ada
    marked = GuardedChange.objects.order_by("pk").values_list("kind", "state", "what", "reason")
    assert list(marked) == [
        ("account", "single_handed", "The account root is made and may do everything", ""),
        ("role", "single_handed", "Ada as Finance: without limit", "She starts today."),
    ]
    assert PasswordOfAnother.objects.get().set_by == "Ro"


def test_what_the_demo_sets_up_is_one_change_that_says_so_for_everything_it_gave(db):
    with acting_as(Actor.system("root (command line)", via=COMMAND_LINE)):
        for _ in range(2):
            with two_people.setting_up("The demo"):
                organisation.establish()
    change = GuardedChange.objects.get()
    assert (change.state, change.what) == ("single_handed", "The demo")
    found = access_review.review(clock.now())
    grants = [g for g in found if g.kind != "single-handed"]
    assert {g.kind for g in grants} == {"approver", "group", "permission"}
    assert len(grants) > 400
    assert {grant.given_by for grant in grants} == {
        f"root (command line) single-handed, not confirmed (change {change.pk})"
    }
    client = Client()
    client.force_login(get_user_model().objects.get(username="exec"))
    page = client.get(reverse("admin:programs_guardedchange_change", args=[change.pk])).content.decode()
    assert "None of them can be the second person." in page
    assert "Elena Rossi as Executive Sponsor: without limit" in page
