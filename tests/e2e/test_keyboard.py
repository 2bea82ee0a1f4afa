"""No mouse: a run is started and decided with the keyboard alone, and the focus always shows."""

from urllib.parse import urlencode

import pytest

from plans.demo.organisation import PASSWORD
from tests.conftest import wait_until
from tests.doors import USAGE, start
from tests.e2e.conftest import finish

pytestmark = pytest.mark.e2e


@pytest.fixture
def asked_plan(site):
    """A run of its own, whose validation is done: finance and legal are asked."""
    plan = start("ops")
    finish(plan, "segment-validation")
    wait_until(lambda: plan.approvals.filter(gate="legal-approval", state="pending").exists(), 120)
    return plan


def test_the_first_stop_leads_past_the_navigation(enter):
    ops = enter("ops")
    ops.page.keyboard.press("Tab")
    ops.page.keyboard.press("Enter")
    assert ops.page.evaluate("document.activeElement.id") == "content"


def test_a_command_is_previewed_without_a_mouse(enter):
    ops = enter("ops")
    ops.open(f"/plans/plan/run/plan-loyalty/?{urlencode({'usage': USAGE})}")
    ops.tab_to("Skip to the content")
    ops.page.keyboard.press("Enter")
    ops.tab_to("Budget")
    ops.page.keyboard.type("40000")
    ops.tab_to("Preview the plan")
    ops.page.keyboard.press("Enter")
    ops.page.get_by_text("Preview: nothing is stored yet").wait_for()
    ops.look("preview")


def test_a_round_is_decided_without_a_mouse(enter, waiting_plan):
    wait_until(lambda: waiting_plan.tasks.filter(key="segment-validation", state="ready").exists(), 60)
    enter("analyst").complete(waiting_plan, "segment-validation", "Sizes compared")
    wait_until(lambda: waiting_plan.approvals.filter(gate="legal-approval", state="pending").exists(), 60)
    round_ = waiting_plan.approvals.get(gate="legal-approval")
    legal = enter("legal")
    legal.open(f"/plans/approval/{round_.pk}/change/", "to decide")
    legal.tab_to("Skip to the content")
    legal.page.keyboard.press("Enter")
    legal.tab_to("Comment")
    legal.page.keyboard.type("Terms as reviewed.")
    legal.tab_to("Password")
    legal.page.keyboard.type(PASSWORD)
    legal.tab_to("Approve")
    legal.page.keyboard.press("Enter")
    legal.page.get_by_text("your decision is recorded").wait_for()
    legal.look("decided")
    round_.refresh_from_db()
    assert round_.state == "approved"


def test_changes_are_asked_for_and_the_plan_is_revised_without_a_mouse(enter, asked_plan):
    round_ = asked_plan.approvals.get(gate="legal-approval")
    legal = enter("legal")
    legal.open(f"/plans/approval/{round_.pk}/change/", "changes to ask for")
    legal.tab_to("Skip to the content")
    legal.page.keyboard.press("Enter")
    legal.tab_to("Comment")
    legal.page.keyboard.type("A smaller pool first.")
    legal.tab_to("Password")
    legal.page.keyboard.type(PASSWORD)
    legal.tab_to("Request changes")
    legal.page.keyboard.press("Enter")
    legal.page.get_by_text("your decision is recorded").wait_for()
    legal.look("changes asked for")
    ops = enter("ops")
    ops.open("/plans/approval/inbox/", "sent back")
    ops.tab_to("Skip to the content")
    ops.page.keyboard.press("Enter")
    ops.tab_to("Revise: Legal approval")
    ops.page.keyboard.press("Enter")
    ops.page.get_by_text("A smaller pool first.").wait_for()
    ops.look("to revise")
    ops.tab_to("Budget")
    ops.page.keyboard.press("Control+a")
    ops.page.keyboard.type("30000")
    ops.tab_to("What you changed, and why")
    ops.page.keyboard.type("A smaller pool, as asked.")
    ops.tab_to("Send revision 2")
    ops.page.keyboard.press("Enter")
    ops.page.get_by_text("is on its way to its gates").wait_for()
    ops.look("revised")
    asked_plan.refresh_from_db()
    assert (asked_plan.revision, asked_plan.inputs["budget"]["amount"]) == (2, "30000")
    ops.leave()
