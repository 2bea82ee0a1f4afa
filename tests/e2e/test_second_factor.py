"""From the approval that does not open to the decision: a second factor is added, shown, renewed and removed."""

import pytest
from django.test import override_settings
from django.urls import reverse

from gtm.core.actors import Actor, acting_as
from plans.demo.organisation import PASSWORD
from tests.doors import user
from tests.factories import gate, make_plan, round_of, seat
from tests.second_factor import add_app, secret_of, shows

pytestmark = pytest.mark.e2e


@pytest.fixture
def required(site):
    with override_settings(GTM_SECOND_FACTOR=True):
        yield


@pytest.fixture
def asked(site):
    with acting_as(Actor.system("Demo")):
        plan = make_plan(gate(seat("legal"), reauthenticate=True), requester=user("ops"))
    return round_of(plan)


def shows_code(person, later=0):
    person.page.get_by_label("Code").fill(shows(secret_of(person.username), later))


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_second_factor_from_the_approval_to_its_removal(enter, required, asked, size):
    page = reverse("admin:plans_approval_change", args=[asked.pk])
    legal = enter("legal", size)
    legal.open(page, "before a second factor")
    legal.page.get_by_role("link", name="Add a second factor").click()
    legal.look("to add a factor")
    legal.page.get_by_label("Password").fill(PASSWORD)
    legal.page.get_by_role("button", name="Confirm").click()
    legal.look("the picture")
    legal.page.get_by_label("Code").fill("1")
    legal.page.get_by_role("button", name="Add it").click()
    legal.look("wrong code")
    legal.page.get_by_label("Code").fill(shows(legal.page.locator("code.g-code").inner_text()))
    legal.page.get_by_role("button", name="Add it").click()
    legal.look("new codes")
    assert legal.page.locator(".g-codes code").count() == 10
    legal.page.get_by_role("link", name="Go on to where you were").click()
    assert legal.page.locator("#decide").is_visible()
    legal.look("after a second factor")
    legal.open(reverse("mfa_index"), "with a factor")

    legal.open(reverse("mfa_generate_recovery_codes"), "to confirm")
    shows_code(legal, later=1)
    legal.page.get_by_role("button", name="Confirm").click()
    legal.look("to make new codes")
    legal.open(reverse("mfa_view_recovery_codes"), "shown once")
    legal.open(reverse("mfa_deactivate_totp"), "to remove")
    legal.page.get_by_role("button", name="Remove the app").click()
    legal.look("removed")
    assert legal.page.get_by_text("Your account has none.").is_visible()


def test_the_code_is_asked_for_at_login(enter, required):
    add_app("finance")
    try:
        finance = enter("ops")
        finance.page.context.clear_cookies()
        finance.page.goto(reverse("admin:login"))
        finance.look()
        finance.page.get_by_label("Username").fill("finance")
        finance.page.get_by_label("Password").fill(PASSWORD)
        finance.page.get_by_role("button", name="Log in").click()
        finance.look("the code")
        finance.page.get_by_label("Code").fill("000000")
        finance.page.get_by_role("button", name="Log in").click()
        finance.look("wrong code")
        finance.page.get_by_label("Code").fill(shows(secret_of("finance")))
        finance.page.get_by_role("button", name="Log in").click()
        finance.page.get_by_role("heading", name="Home").wait_for()
        finance.look("finance")
    finally:
        with acting_as(Actor.of_user(user("finance"), "admin", interactive=True)):
            user("finance").authenticator_set.all().delete()
