"""From an approval that does not open to its decision: a second factor is added, shown and removed."""

import pytest
from django.db import transaction
from django.test import override_settings
from django.urls import reverse
from playwright.sync_api import expect

from gtm.core.actors import Actor, acting_as
from gtm.core.identity import confirmation
from plans.demo.organisation import PASSWORD
from programs.models import Program
from tests.doors import user
from tests.factories import gate, make_plan, round_of, seat
from tests.second_factor import add_app, secret_of, shows

pytestmark = pytest.mark.e2e


@pytest.fixture
def required(site):
    with override_settings(GTM_SECOND_FACTOR=True, GTM_OWN_PASSWORD_BY_MAIL=True):
        yield


@pytest.fixture
def asked(site):
    with transaction.atomic(), acting_as(Actor.system("Demo")):  # the worker sees it whole
        plan = make_plan(
            gate(seat("finance"), reauthenticate=True),
            requester=user("ops"),
            program=Program.objects.get(slug="cdnow"),
        )
    return round_of(plan)


def code_of(person):
    return person.page.get_by_role("textbox", name="Code")


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_second_factor_from_the_approval_to_its_removal(enter, required, asked, size):
    page = reverse("admin:plans_approval_change", args=[asked.pk])
    finance = enter("finance", size)
    finance.open(page, "before a second factor")
    finance.page.get_by_role("link", name="Add a second factor").click()
    finance.look("to add a factor")
    finance.page.get_by_label("Password").fill(PASSWORD)
    finance.page.get_by_role("button", name="Confirm").click()
    finance.look("the picture")
    code_of(finance).fill("1")
    finance.page.get_by_role("button", name="Add it").click()
    finance.look("wrong code")
    code_of(finance).fill(shows(finance.page.locator("code.g-code").inner_text()))
    finance.page.get_by_role("button", name="Add it").click()
    finance.look("new codes")
    expect(finance.page.locator(".g-codes code")).to_have_count(10)
    finance.page.get_by_role("link", name="Go on to where you were").click()
    expect(finance.page.get_by_text("To have it confirmed, open the link")).to_be_visible()
    finance.look("a factor that waits")
    finance.open(reverse("mfa_index"), "not confirmed yet")
    finance.open(reverse("mfa_confirm", args=[confirmation.TOKENS.make_token(user("finance"))]), "the link")
    finance.page.get_by_role("button", name="I have added them: confirm").click()
    finance.look("confirmed")
    finance.open(page, "after a confirmed factor")
    expect(finance.page.locator("#decide")).to_be_visible()
    finance.look("after a second factor")
    finance.open(reverse("mfa_index"), "with a factor")

    finance.open(
        f"{reverse('mfa_reauthenticate')}?next={reverse('mfa_generate_recovery_codes')}", "to confirm"
    )
    code_of(finance).fill(shows(secret_of("finance"), later=1))
    finance.page.get_by_role("button", name="Confirm").click()
    finance.look("to make new codes")
    finance.open(reverse("mfa_view_recovery_codes"), "shown once")
    finance.open(reverse("mfa_deactivate_totp"), "to remove")
    finance.page.get_by_role("button", name="Remove the app").click()
    finance.look("removed")
    expect(finance.page.get_by_text("Your account has none.")).to_be_visible()


def test_the_code_is_asked_for_at_login(enter, required):
    add_app("legal")
    try:
        legal = enter("ops")
        legal.page.context.clear_cookies()
        legal.page.goto(reverse("admin:login"))
        legal.look()
        legal.page.get_by_label("Username").fill("legal")
        legal.page.get_by_label("Password").fill(PASSWORD)
        legal.page.get_by_role("button", name="Log in").click()
        legal.look("the code")
        code_of(legal).fill("000000")
        legal.page.get_by_role("button", name="Log in").click()
        legal.look("wrong code")
        code_of(legal).fill(shows(secret_of("legal")))
        legal.page.get_by_role("button", name="Log in").click()
        legal.page.get_by_role("heading", name="Home").wait_for()
        legal.look("legal")
    finally:
        with acting_as(Actor.of_user(user("legal"), "admin", interactive=True)):
            user("legal").authenticator_set.all().delete()
