"""The journey of the product: a run started in the admin, decided by people, proved by its file."""

import pytest
from django.core.management import CommandError, call_command
from playwright.sync_api import expect

from plans.models import Plan
from tests.doors import USAGE

pytestmark = pytest.mark.e2e


def test_a_run_goes_from_usage_line_to_verified_file(enter, tmp_path, capsys):
    ops = enter("ops")
    page = ops.page
    ops.picture("home")
    page.get_by_role("link", name="Run a command").first.click()
    ops.look()
    page.get_by_label("Usage line").fill(USAGE)
    page.get_by_role("button", name="Open with these inputs").click()
    ops.look()
    assert page.get_by_label("Budget").input_value() == "50000"
    page.get_by_role("button", name="Preview the plan").click()
    page.get_by_text("Preview: nothing is stored yet").wait_for()
    ops.look("preview")
    ops.picture("command-form")
    page.get_by_role("button", name="Start the run").click()
    plan_url = page.url
    plan = Plan.objects.get(plan_id=page.locator("code", has_text="plan-").first.text_content())

    page.locator("#people li", has_text="Validation of segments").wait_for(timeout=60_000)  # without a reload
    enter("analyst").complete(plan, "segment-validation", "Sizes compared with our reports")
    page.locator("#people li", has_text="Finance approval").wait_for(timeout=60_000)
    assert page.locator("#live [role=status]").inner_text().startswith("▶ Running")
    page.locator("#answer .g-headline", has_text="reward pool").wait_for()
    ops.picture("plan-page")
    page.locator("summary", has_text="Tier and benefit design").click()
    page.get_by_role("heading", name="Program blueprint").wait_for()
    ops.look("at its gates")

    enter("finance", "phone").approve(plan, "finance-approval", "Within this year's pool.")
    enter("legal", "phone").approve(plan, "legal-approval", "Terms as reviewed.")

    page.locator("#live [role=status]", has_text="Succeeded").wait_for(timeout=60_000)
    ops.open(f"{plan_url}?tab=changes", "changes")
    ops.picture("change-log")
    expect(page.get_by_text("Within this year's pool.").first).to_be_visible()
    ops.more()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download plan JSON").click()
    plan_json = tmp_path / download.value.suggested_filename
    download.value.save_as(plan_json)

    call_command("verify_changelog", str(plan_json))
    assert "nothing contradicts it" in capsys.readouterr().out
    plan_json.write_bytes(plan_json.read_bytes().replace(b"Within this year", b"Within that year", 1))
    with pytest.raises(CommandError, match="approvals: its content differs"):
        call_command("verify_changelog", str(plan_json))
