"""A launch from its command to go-live: QA fails twice, people mend and resume it, the file proves it."""

import json
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from playwright.sync_api import expect

from gtm.core import clock
from gtm.core.actors import ADMIN, Actor, acting_as
from plans.models import Plan
from programs.models import APPROVALS, GO_NO_GO, LaunchProfile, RunbookTask
from tests.doors import user, work_every_day
from tests.e2e.person import Person

pytestmark = pytest.mark.e2e

PILOT = ("tracking", "kit-review", "train-success", "confirm-tracking", "outcomes-day-1")
"""What people do in a launch that starts and goes live on one day; the gates stay as they are."""


@pytest.fixture
def profile(site) -> LaunchProfile:
    """A runbook as short as a pilot's, and a link to the terms that somebody copied with an address in it."""
    with acting_as(Actor.of_user(user("ops"), ADMIN)):
        for task in RunbookTask.objects.exclude(key__in=(*PILOT, *APPROVALS, GO_NO_GO)):
            task.delete()
        for task in RunbookTask.objects.all():
            task.needs, task.days_after_launch = [], task.days_after_launch and 0
            task.optimistic_days = task.likely_days = task.pessimistic_days = 0
            task.save()
        work_every_day()
        profile = LaunchProfile.objects.get()
        profile.destinations = {"terms": f"{profile.landing_url}?contact=legal@demo.example#terms"}
        profile.full_clean()
        profile.save()
    return profile


def answer(person: Person, plan: Plan, trigger: str, told: str) -> None:
    person.open(f"/plans/escalation/{plan.escalations.get(trigger=trigger).pk}/change/", "QA failed twice")
    person.page.get_by_label("Your answer").fill(told)
    person.page.get_by_role("button", name="Resolve").click()
    person.page.get_by_text("What was done:").wait_for()
    person.look("QA mended")


def wait_for(person: Person, task: str, state: str) -> None:
    """Until the page of the plan, which nobody reloads, shows the task in the state."""
    work = person.page.locator("#work")
    if work.get_attribute("open") is None:
        work.locator("summary").first.click()
    person.page.locator(".g-node", has_text=task).filter(has_text=state).wait_for(timeout=180_000)


def test_a_launch_fails_qa_twice_is_mended_and_goes_live(
    enter: Callable[..., Person], profile: LaunchProfile, tmp_path, capsys
):
    ops, today = enter("ops"), clock.now().date()  # the program is at home in UTC
    page = ops.page
    ops.open("/plans/plan/run/")
    page.get_by_label("Usage line").fill(
        '/referral-program-orchestration:launch-program --program "Customer Advocates" '
        f'--launch-date {today} --channels "email,in-app"'
    )
    page.get_by_role("button", name="Open with these inputs").click()
    ops.look("launch")
    page.get_by_role("button", name="Preview the plan").click()
    page.get_by_text("Preview: nothing is stored yet").wait_for()
    ops.look("preview of a launch")
    ops.picture("launch-preview")
    page.get_by_role("button", name="Start the run").click()

    plan = Plan.objects.filter(command="launch-program").latest("pk")
    plan_url = page.url
    page.locator("#live [role=status]").first.wait_for()
    ops.look("launch")
    ops.complete(plan, "tracking", "Codes and tags seen in the test events")
    ops.open(plan_url, "launch")
    page.locator("#live [role=status]", has_text="Held").wait_for(timeout=180_000)
    ops.look("launch")
    ops.picture("launch-held")
    assert [attempt.outcome for attempt in plan.tasks.get(key="tooling-qa").attempts.all()] == ["failed"] * 2
    expect(
        page.get_by_text("The parameter contact carries an e-mail address (core/faq.md, ").first
    ).to_be_visible()

    ops.open(f"/programs/launchprofile/{profile.pk}/change/")
    page.get_by_label("Destinations").fill(f"terms: {profile.landing_url}#terms")
    page.get_by_role("button", name="Save", exact=True).click()
    ops.look("mended")
    case = plan.escalations.get(trigger="tooling-qa-failed")
    ops.open(f"/plans/escalation/{case.pk}/change/", "QA failed twice")
    ops.picture("launch-tooling-qa-failed")
    sponsor, deputy = enter("exec", "phone"), enter("deputy")
    sponsor.say(plan, "The address is out of the link.", "Release the rip-cord", "Held")
    sponsor.leave()
    deputy.say(plan, "I have read the terms page.", "Release the rip-cord", "Blocked")
    deputy.leave()
    answer(ops, plan, "retries-exhausted", "The link to the terms carries no address any more.")
    ops.open(plan_url, "launch")
    ops.more()
    page.get_by_role("link", name="Change inputs").click()
    page.get_by_label("Read the newest data and material").check()
    page.get_by_label("What you changed, and why").fill("The launch profile was mended.")
    ops.look("launch")
    page.get_by_role("button", name="Send revision 2 to its gates").click()
    wait_for(ops, "Link and tracking QA", "Succeeded")
    ops.look("launch")

    ops.complete(plan, "kit-review", "Read word by word")
    ops.complete(plan, "train-success", "Twelve people, 45 minutes")
    ops.open(plan_url, "launch")
    wait_for(ops, "Legal approval", "Awaiting approval")
    enter("legal", "phone").approve(plan, "legal-approval", "Terms and claims hold.")
    enter("finance").approve(plan, "finance-approval", "Rewards are funded.")
    enter("partner").approve(plan, "partner-approval", "Partners agreed to the date.")
    wait_for(ops, "Go or no-go", "Awaiting approval")
    sponsor.approve(plan, "go-no-go", "Go.")
    ops.complete(plan, "confirm-tracking", "One referral from invite to event")
    ops.open(plan_url, "launch")
    wait_for(ops, "Go live", "Succeeded")
    ops.complete(plan, "outcomes-day-1", "Dashboards show live figures")
    ops.open(plan_url, "launched")
    page.locator("#live [role=status]", has_text="Succeeded").wait_for(timeout=180_000)
    ops.picture("launch-done")

    ops.more()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download plan JSON").click()
    plan_json = tmp_path / download.value.suggested_filename
    download.value.save_as(plan_json)
    call_command("verify_changelog", str(plan_json))
    assert "nothing contradicts it" in capsys.readouterr().out
    told = json.loads(plan_json.read_bytes())
    assert {case["trigger"]: case["remediation"] for case in told["escalations"]} == {
        "tooling-qa-failed": "Elena Rossi: The address is out of the link.\n"
        "Dora Klein: I have read the terms page.",
        "retries-exhausted": "The link to the terms carries no address any more.",
    }
    plan_json.write_bytes(plan_json.read_bytes().replace(b"carries no address", b"carried an address"))
    with pytest.raises(CommandError, match="its content differs"):
        call_command("verify_changelog", str(plan_json))
