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


def test_api_docs_show_the_operations(page, admin_user, client, live_server):
    client.force_login(admin_user)
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    page.goto("/api/v1/docs/")
    page.get_by_role("heading", name="GTM Governance").wait_for(timeout=10_000)
    assert page.complaints == []
