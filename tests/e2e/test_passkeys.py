"""A passkey of Chromium's virtual authenticator: made, shown at login and before a decision, and removed."""

import pytest
from django.test import override_settings
from django.urls import reverse
from playwright.sync_api import expect

from gtm.core.actors import Actor, acting_as
from gtm.core.identity import factors
from gtm.core.models import SignIn
from plans.demo.organisation import PASSWORD
from tests.doors import user

pytestmark = pytest.mark.e2e
KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def required(site):
    with override_settings(GTM_SECOND_FACTOR=True):
        yield
    with acting_as(Actor.of_user(user("partner"), "admin", interactive=True)):
        for factor in factors.of(user("partner")):
            factor.delete()


def log_out(person):
    person.page.context.clear_cookies()
    person.page.goto(reverse("admin:login"))
    person.look("to log in")


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_passkey_logs_in_is_a_second_factor_and_is_removed(enter, required, size):
    somebody = enter("partner", size)
    page = somebody.page
    authenticator = page.context.new_cdp_session(page)
    authenticator.send("WebAuthn.enable")
    key = authenticator.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})["authenticatorId"]
    page.goto(reverse("mfa_add_webauthn"))
    somebody.look("to add a passkey")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    somebody.look("to make it")
    page.get_by_role("textbox", name="Name").fill("Laptop")
    page.get_by_role("button", name="Make the passkey").click()
    page.locator(".g-codes").wait_for()
    somebody.look("codes of a passkey")
    somebody.open(reverse("mfa_index"), "with a passkey")
    expect(page.get_by_text("This session has shown one: passkey")).to_be_visible()

    log_out(somebody)
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_role("heading", name="Home").wait_for()
    somebody.look("partner")
    assert SignIn.objects.filter(user=user("partner"), door="passkey", outcome="in").exists()

    log_out(somebody)
    page.get_by_label("Username").fill("partner")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Show my passkey").wait_for()
    somebody.look("code or passkey")
    page.get_by_role("button", name="Show my passkey").click()
    page.get_by_role("heading", name="Home").wait_for()
    somebody.look("partner")

    authenticator.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": False})
    log_out(somebody)
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_text("No passkey was used.").wait_for()
    somebody.look("not the holder")
    authenticator.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": True})
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_role("heading", name="Home").wait_for()
    somebody.look("partner")

    page.goto(reverse("mfa_remove_webauthn", args=[factors.of(user("partner"))[-1].pk]))
    page.get_by_role("button", name="Show my passkey").wait_for()
    somebody.look("to confirm")
    page.get_by_role("button", name="Show my passkey").click()
    page.get_by_role("button", name="Remove the passkey").wait_for()
    somebody.look("to remove")
    page.get_by_role("button", name="Remove the passkey").click()
    page.get_by_text("Your account has none.").wait_for()
    somebody.look("removed")
    assert factors.of(user("partner")) == []
