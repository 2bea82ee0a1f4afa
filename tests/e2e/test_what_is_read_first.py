"""The answer first: on the first screen of a phone, on a short page, with its chart and its table."""

import pytest
from playwright.sync_api import expect

from plans.selectors import answer_of
from tests.conftest import wait_until
from tests.e2e.conftest import LINES

pytestmark = pytest.mark.e2e

TALLEST, PHONE = 2500, 844
HEADLINE = "document.querySelector('.g-headline').getBoundingClientRect().bottom"
HEIGHT = "document.documentElement.scrollHeight"


@pytest.mark.parametrize("name", LINES)
def test_the_answer_is_on_the_first_screen_and_the_page_is_short(enter, results, name):
    plan = results[name]
    url = f"/plans/plan/{plan.pk}/change/"
    ops = enter("ops")
    ops.open(url, f"{name} answered")
    headline = ops.page.locator("#answer .g-headline").inner_text()
    assert headline == answer_of(plan)["headline"]
    expect(ops.page.locator(".g-lead figure")).to_have_count(1)
    expect(ops.page.locator("#table-title")).to_have_count(1)
    assert ops.page.evaluate(HEIGHT) <= TALLEST
    ops.picture(f"result-{name}")
    ops.leave()
    reader = enter("strategist", "phone")
    reader.open(url, f"{name} answered")
    assert reader.page.evaluate(HEADLINE) <= PHONE
    reader.picture(f"result-{name}-phone")
    reader.leave()


def test_what_a_reader_opened_stays_open_while_the_plan_runs(enter, results):
    ops = enter("ops")
    page = ops.page
    ops.open(f"/plans/plan/{results['launch-program'].pk}/change/", "opened")
    page.locator("summary", has_text="Launch checklist").click()
    page.get_by_role("heading", name="Who answers for what (RACI)").wait_for()
    page.evaluate("document.body.dispatchEvent(new CustomEvent('task-done'))")
    with page.expect_response(lambda answer: "/outputs/" in answer.url):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('task-done'))")
    page.wait_for_timeout(500)
    expect(page.get_by_role("heading", name="Who answers for what (RACI)")).to_be_visible()
    ops.leave()


def test_the_whole_table_is_a_page_of_its_own(enter, results):
    ops = enter("ops")
    page = ops.page
    ops.open(f"/plans/plan/{results['track-source'].pk}/change/", "to its table")
    page.get_by_role("link", name="The whole table").first.click()
    ops.look("whole table")
    page.get_by_label("Search the rows").fill("webinar")
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("link", name="Deals credited").click()
    ops.look("searched and sorted")
    expect(page.locator("tbody tr")).to_have_count(2)
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Deals credited")


def test_a_question_is_asked_on_a_phone_and_answered_at_a_desk(enter, results):
    plan = results["plan-loyalty"]
    wait_until(lambda: plan.approvals.filter(gate="finance-approval", state="pending").exists(), 60)
    round_ = plan.approvals.get(gate="finance-approval")
    finance = enter("finance", "phone")
    finance.open(f"/plans/approval/{round_.pk}/change/", "with its answer")
    assert finance.page.evaluate(HEADLINE) <= PHONE
    finance.picture("approval-phone")
    finance.page.locator("summary", has_text="Ask a question").click()
    finance.page.get_by_label("Your message").fill("Who pays for the platform?")
    finance.page.get_by_role("button", name="Send").click()
    finance.page.get_by_text("Your message is kept").wait_for()
    finance.look("asked")
    ops = enter("ops")
    ops.open(f"/plans/plan/{plan.pk}/change/", "asked")
    ops.page.get_by_text("Who pays for the platform?").wait_for()
    ops.leave()
