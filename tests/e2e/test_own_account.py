"""One's own account: where it is logged in, and what to do with a forgotten password."""

import pytest
from django.test import override_settings
from django.urls import reverse
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_sessions_are_ended_and_a_forgotten_password_is_asked_for(enter, size):
    here, there = enter("auditor", size), enter("auditor", size)
    here.open(reverse("usersessions_list"), "two sessions")
    here.page.get_by_role("button", name="End all others").click()
    here.look("one session")
    there.page.goto(reverse("admin:index"))
    there.look("to log in")
    expect(there.page.get_by_role("button", name="Log in")).to_be_visible()
    with override_settings(GTM_OWN_PASSWORD_BY_MAIL=True):
        there.page.get_by_role("link", name="Forgotten your password?").click()
        there.look("forgotten")
        there.page.get_by_label("Username").fill("nobody-here")
        there.page.get_by_role("button", name="Send the link").click()
        there.look("sent")
        expect(there.page.get_by_text("If there is such an account")).to_be_visible()
    here.open(reverse("account_reauthenticate"))
