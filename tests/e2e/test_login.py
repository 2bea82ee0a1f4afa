"""The first thing anybody does."""

import pytest

pytestmark = pytest.mark.e2e


def test_staff_log_in_and_the_content_security_policy_breaks_nothing(page, admin_user):
    page.goto("/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("password")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/")
    assert page.title().endswith("GTM Governance")
    assert page.complaints == []
