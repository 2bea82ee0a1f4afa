"""The journey of the product: a run started in the admin, decided by people, proved by its file."""

import os
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from playwright.sync_api import Page

pytestmark = pytest.mark.e2e

SCREENSHOTS = os.environ.get("GTM_SCREENSHOTS")  # a folder to leave pictures for the documents in
PASSWORD = "demo-gtm-2026"


@pytest.fixture
def demo(start_worker) -> None:
    """The demo organisation on the CDNOW purchases, and a real worker for its runs."""
    call_command("demo")
    start_worker(concurrency=2)


def log_in(page: Page, user: str) -> None:
    page.context.clear_cookies()
    page.goto("/")
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/")


def picture(page: Page, name: str) -> None:
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")


def approve(page: Page, user: str, comment: str) -> None:
    log_in(page, user)
    page.goto("/plans/approval/inbox/")
    page.get_by_role("link", name="Decide").click()
    page.get_by_label("Comment").fill(comment)
    page.get_by_label("Password").fill(PASSWORD)
    picture(page, f"decide-{user}")
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("your decision is recorded").wait_for()


def test_a_run_goes_from_usage_line_to_verified_file(demo, page, tmp_path, capsys):
    log_in(page, "ops")
    picture(page, "home")
    page.get_by_role("link", name="Run a command").click()
    page.get_by_label("Usage line").fill(
        "/loyalty-lifecycle-orchestration:plan-loyalty --goal retention --tiers 3 --budget 50000"
    )
    page.get_by_role("button", name="Open with these inputs").click()
    assert page.get_by_label("Budget").input_value() == "50000"
    page.get_by_role("button", name="Preview the plan").click()
    page.get_by_text("Preview: nothing is stored yet").wait_for()
    picture(page, "command-form")
    page.get_by_role("button", name="Start the run").click()
    plan_url = page.url

    page.locator("#live li", has_text="Finance approval").wait_for(timeout=60_000)  # without a reload
    assert page.locator("#live [role=status]").inner_text().startswith("▶ Running")
    page.get_by_role("heading", name="Program blueprint").wait_for()
    picture(page, "plan-page")

    page.set_viewport_size({"width": 390, "height": 844})
    approve(page, "finance", "Within this year's pool.")
    approve(page, "legal", "Terms as reviewed.")

    page.set_viewport_size({"width": 1280, "height": 900})
    log_in(page, "ops")
    page.goto(plan_url)
    page.locator("#live [role=status]", has_text="Succeeded").wait_for(timeout=60_000)
    page.goto(f"{plan_url}?tab=changes")
    picture(page, "change-log")
    assert page.get_by_text("Within this year's pool.").count() >= 1
    with page.expect_download() as download:
        page.get_by_role("link", name="Download plan JSON").click()
    plan_json = tmp_path / download.value.suggested_filename
    download.value.save_as(plan_json)

    call_command("verify_changelog", str(plan_json))
    assert "is intact" in capsys.readouterr().out
    plan_json.write_bytes(plan_json.read_bytes().replace(b"Within this year", b"Within that year", 1))
    with pytest.raises(CommandError, match="approvals: its content differs"):
        call_command("verify_changelog", str(plan_json))
    assert page.complaints == []
