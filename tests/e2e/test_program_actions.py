"""From the list of programs to a running plan by an action, in three clicks; on a phone and in the dark."""

import pytest
from playwright.sync_api import expect

from plans.models import Plan
from programs.models import Program
from tests.doors import start

pytestmark = pytest.mark.e2e


def test_three_clicks_lead_from_the_list_of_programs_to_a_running_plan(enter):
    ops, program = enter("ops"), Program.objects.get(slug="cdnow")
    page, before = ops.page, Plan.objects.count()
    ops.open("/programs/program/")
    row = page.locator("#result_list tr", has_text=program.name)
    row.locator("td.field-actions_holder span").click()
    menu = page.locator("nav a:visible", has_text="Plan loyalty")
    of_other_kinds = page.locator("nav a:visible").get_by_text("Launch", exact=True)
    expect(of_other_kinds).to_have_count(0)
    page.wait_for_function("document.getAnimations().every(a => a.playState !== 'running')")
    ops.picture("program-actions")
    menu.click()
    page.get_by_role("button", name="Start the run").wait_for()
    assert page.get_by_label("Budget").input_value()
    assert Plan.objects.count() == before  # looking has changed nothing
    ops.look("from a program")
    ops.picture("program-form")
    page.get_by_role("button", name="Start the run").click()
    page.locator("#live [role=status]").wait_for()
    assert Plan.objects.count() == before + 1
    assert page.locator("#live [role=status]").inner_text().startswith("▶ Running")
    plan = Plan.objects.latest("pk")
    assert (plan.program, plan.command) == (program, "plan-loyalty")
    ops.look("started from a program")
    ops.leave()


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_the_page_of_a_program_is_sound(enter, size):
    ops, program = enter("ops", size), Program.objects.get(slug="cdnow")
    ops.open(f"/programs/program/{program.pk}/change/", f"overview {size}")
    expect(ops.page.get_by_role("heading", name="What to do next")).to_be_visible()
    ops.picture(f"program-{size}")


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_the_dialog_of_an_action_is_sound(enter, size):
    ops, plan = enter("ops", size), start()
    ops.open(f"/plans/plan/{plan.pk}/pause/", f"dialog {size}")
    ops.picture(f"pause-{size}")
    ops.page.get_by_label("Reason").fill("Quarter end.")
    ops.page.get_by_role("button", name="Pause").click()
    ops.page.locator("#live [role=status]", has_text="Paused").wait_for()
    ops.look("paused by an action")
    ops.leave()
