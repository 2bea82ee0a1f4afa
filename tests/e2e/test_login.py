"""The first thing anybody does."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_staff_log_in_and_the_content_security_policy_breaks_nothing(enter, size):
    somebody = enter("admin", size)
    assert somebody.page.title().endswith("GTM Governance")
    expect(somebody.page.get_by_role("heading", name="Home")).to_be_visible()
