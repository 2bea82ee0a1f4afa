"""Charts that answer: to a pointer, to a finger, to the keyboard, and as a picture where no script runs."""

import json
import re

import pytest
from playwright.sync_api import expect

from gtm.headers import CONTENT_SECURITY_POLICY
from plans.drawing import browser_library, specification
from tests.e2e.conftest import LINES
from tests.plans.drawing.test_groups import grouped
from tests.plans.drawing.test_specification import ALL

pytestmark = pytest.mark.e2e

WITHOUT_EVAL = CONTENT_SECURITY_POLICY.replace(" 'unsafe-eval'", "").replace(" 'unsafe-inline'", "", 1)
TIP = "status"
VALUE = {
    "plan-loyalty": r"USD between its low and its high\nFrom low to high: .+ USD at its low, .+ at its high",
    "monitor-loyalty": r"\d+\.\d %\n(Interval: \d+\.\d to \d+\.\d %|No interval is computed for it\.)",
    "optimize-referrals": r"\n[\d,]+\nNo interval is computed for it\.\nInvitations that reached it",
    "launch-program": r"\d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d\nSlack: at the latest \d{4}-\d\d-\d\d",
    "track-source": r"\n\d+\.\d %\nNo interval is computed for it\.\nShare of deals, in percent",
}


def drawn(person, plan, state):
    """The leading chart of a plan's page, once it answers."""
    person.open(f"/plans/plan/{plan.pk}/change/", state)
    person.page.locator(".g-lead .g-chart-drawn").wait_for()
    person.page.locator(".g-lead").scroll_into_view_if_needed()
    return person.page.locator(".g-lead .g-chart-live")


@pytest.mark.parametrize("name", LINES)
def test_the_leading_chart_answers_the_pointer_and_the_keys(enter, results, name):
    ops = enter("ops")
    live = drawn(ops, results[name], f"{name} charted")
    plot, tip = live.locator(".g-chart-plot"), live.get_by_role(TIP)
    expect(tip).to_be_hidden()
    box = plot.bounding_box()
    ops.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert re.search(VALUE[name], tip.inner_text())
    ops.look(f"{name} hovered")
    ops.page.keyboard.press("Escape")
    ops.tab_to("Read its points with the arrow keys")
    ops.page.keyboard.press("Home")
    first = tip.inner_text()
    ops.page.keyboard.press("ArrowRight")
    assert re.search(VALUE[name], first) and tip.inner_text() != first
    ops.page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    ops.picture(f"chart-{name}")
    ops.leave()


def test_a_series_is_switched_off_and_on_and_the_last_one_stays(enter, results):
    ops = enter("ops")
    live = drawn(ops, results["track-source"], "toggled")
    bars = live.locator("svg [aria-roledescription=bar]")
    both = bars.count()
    first, second = live.get_by_role("group", name="Series shown").get_by_role("button").all()
    first.focus()
    ops.page.keyboard.press("Enter")
    assert (first.get_attribute("aria-pressed"), bars.count() * 2) == ("false", both)
    second.click()
    assert (second.get_attribute("aria-pressed"), bars.count() * 2) == ("true", both)
    ops.look("one series off")
    first.click()
    expect(bars).to_have_count(both)
    ops.leave()


def test_a_finger_reads_a_value_on_a_phone(enter, results):
    finance = enter("finance", "phone")
    live = drawn(finance, results["monitor-loyalty"], "touched")
    box = live.locator(".g-chart-plot").bounding_box()
    live.locator(".g-chart-plot").dispatch_event(
        "pointerdown", {"clientX": box["x"] + box["width"] / 2, "clientY": box["y"] + box["height"] / 2,
                        "pointerType": "touch"})  # fmt: skip
    assert re.search(VALUE["monitor-loyalty"], live.get_by_role(TIP).inner_text())
    assert finance.page.evaluate("document.documentElement.scrollWidth") == 390
    finance.leave()


def test_a_chart_in_a_chapter_is_drawn_when_the_chapter_is_opened(enter, results):
    ops = enter("ops")
    drawn(ops, results["plan-loyalty"], "chapters")
    chapter = ops.page.locator(".g-chapter", has=ops.page.locator("figure.g-chart")).first
    assert chapter.locator(".g-chart-drawn").count() == 0
    chapter.locator("summary").first.click()
    chapter.locator(".g-chart-drawn").first.wait_for()
    ops.look("a chapter with charts")
    ops.leave()


def test_in_print_the_chart_stays_on_the_sheet_and_its_hover_away(enter, results):
    ops = enter("ops")
    live = drawn(ops, results["optimize-referrals"], "printed")
    live.locator(".g-chart-plot").focus()
    ops.page.keyboard.press("Home")
    expect(live.get_by_role(TIP)).to_be_visible()
    ops.page.emulate_media(media="print")
    ops.page.set_viewport_size({"width": 700, "height": 900})
    expect(live.get_by_role(TIP)).to_be_hidden()
    assert live.locator("svg").first.bounding_box()["width"] <= live.bounding_box()["width"]
    ops.page.emulate_media(media="screen")
    ops.leave()


def test_without_scripts_the_page_and_the_picture_are_there(browser, enter, results, site):
    plan = results["optimize-referrals"]
    ops = enter("ops")
    context = browser.new_context(
        base_url=site.url, java_script_enabled=False, storage_state=ops.page.context.storage_state()
    )
    page = context.new_page()
    with page.expect_response("**/chart/*.svg", timeout=60_000) as answer:
        page.goto(f"/plans/plan/{plan.pk}/change/")
    expect(page.locator(".g-headline")).to_be_visible()
    picture = page.locator(".g-lead img")
    expect(picture).to_be_visible()
    expect(page.locator("figure img")).to_have_count(1)
    assert (answer.value.status, answer.value.headers["content-type"]) == (200, "image/svg+xml")
    assert "Referral funnel" in picture.get_attribute("alt")
    context.close()


def test_where_the_library_cannot_be_had_the_picture_takes_its_place(enter, results):
    ops = enter("ops")
    ops.page.route("**/vega.*.js", lambda route: route.abort())
    ops.page.goto(f"/plans/plan/{results['track-source'].pk}/change/")
    picture = ops.page.locator(".g-lead figure img")
    picture.wait_for(timeout=60_000)
    assert picture.get_attribute("src").endswith(".svg")
    ops.complaints.clear()  # the library that was kept away
    ops.look("without its library")
    ops.leave()


def test_every_shape_is_drawn_where_a_page_allows_no_evaluation(browser, site):
    """The page forbids eval and inline scripts; the library comes from this site alone."""
    figures = "".join(
        f'<figure class="g-chart"><script type="application/json">{_json(payload)}</script></figure>'
        for payload in ALL.values()
    )
    library = f"/static/gtm/{browser_library.path().name}"
    scripts = f'<script src="/static/gtm/charts.js" data-library="{library}"></script>'
    context = browser.new_context(base_url=site.url)
    page, complaints, asked = context.new_page(), [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.route("**/strict/", lambda route: route.fulfill(
        body=f"<!doctype html><title>Charts</title><body>{figures}{scripts}", content_type="text/html",
        headers={"Content-Security-Policy": WITHOUT_EVAL}))  # fmt: skip
    page.goto("/strict/")
    for figure in page.locator("figure").all():
        figure.scroll_into_view_if_needed()
    page.wait_for_function(f"document.querySelectorAll('.g-chart-drawn').length === {len(ALL)}")
    assert complaints == []
    assert {url.startswith(site.url) for url in asked} == {True}
    context.close()


def test_groups_are_chosen_and_the_whole_stays(browser, site):
    figure = f'<figure class="g-chart"><script type="application/json">{_json(grouped())}</script></figure>'
    library = f"/static/gtm/{browser_library.path().name}"
    page = browser.new_context(base_url=site.url).new_page()
    page.route("**/groups/", lambda route: route.fulfill(
        body=f'<!doctype html><title>Groups</title><body>{figure}'
        f'<script src="/static/gtm/charts.js" data-library="{library}"></script>',
        content_type="text/html"))  # fmt: skip
    page.goto("/groups/")
    page.locator(".g-chart-drawn").wait_for()
    marks = page.locator("svg [aria-roledescription=bar]")
    expect(marks).to_have_count(5)
    page.get_by_label("channel").select_option("email")
    page.wait_for_function("document.querySelectorAll('svg [aria-roledescription=bar]').length === 3")
    page.get_by_label("tier").select_option("gold")
    page.wait_for_function("document.querySelectorAll('svg [aria-roledescription=bar]').length === 2")
    page.get_by_label("channel").select_option("")
    page.wait_for_function("document.querySelectorAll('svg [aria-roledescription=bar]').length === 3")
    page.context.close()


def _json(payload):
    return json.dumps(specification.with_points(specification.specification(payload), payload))
