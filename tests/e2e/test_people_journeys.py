"""People who pass work on to each other: a launch by six, changes asked for on a phone, a dispute.

Everybody logs in, and finds the next step in the own inbox. Nothing is done but on pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from gtm.core import clock
from gtm.core.actors import ADMIN, Actor, acting_as
from plans.demo import organisation, partners
from plans.engine.people.taken_back import TIME_TO_UNDO
from plans.engine.running.sweep import sweep
from plans.models import Plan
from plans.standard import runbooks
from programs.models import Absence, Campaign, Person, Runbook
from tests.conftest import wait_until
from tests.documents.usage import LAUNCH, TRACK
from tests.doors import USAGE, user, work_every_day
from tests.e2e import person
from tests.plans.commands.track_source.campaign import a_deal

pytestmark = pytest.mark.e2e

SIX = ("ops", "partner", "legal", "finance", "sales", "exec")
AWAY = ("strategist", "studio", "customer-success", "deputy")
"""Who is left of a launch's roles has a substitute among the six, as the shipped runbooks name them."""
SECONDS = 90


@pytest.fixture
def shipped(site) -> Iterator[None]:
    """The runbooks as the demo ships them, and four of ten people on holiday, each by their own entry."""
    now = clock.now()
    with acting_as(Actor.system("Demo")):
        for runbook in Runbook.objects.all():
            runbook.delete()
        runbooks.load()
    for username in AWAY:
        with acting_as(Actor.of_user(user(username), ADMIN, interactive=True)):
            away = Person.objects.get(accounts__username=username)
            Absence(person=away, starts_at=now, ends_at=now + timedelta(days=3)).save()
    yield
    with acting_as(Actor.system("Demo")):
        for absence in Absence.objects.filter(person__accounts__username__in=AWAY):
            absence.delete()


@pytest.fixture
def tour(site) -> Campaign:
    """The demo's joint campaign with its data, and contacts of both partners who can log in."""
    campaign = Campaign.objects.get(slug="ai-launch-tour")
    with acting_as(Actor.system("Demo")):
        partners.take_contacts(campaign, organisation.PASSWORD)
        partners.load(campaign, lambda line: None)
    return campaign


ON_LATER_DAYS = {"outcomes-day-1", "outcomes-day-7", "retrospective", "outcome-log"}
"""Of a launch: what cannot be done on its day."""


def run(asker: person.Person, line: str) -> Plan:
    """Start a run from its usage line, by way of the preview."""
    page = asker.page
    asker.open("/plans/plan/run/")
    page.get_by_label("Usage line").fill(line)
    page.get_by_role("button", name="Open with these inputs").click()
    asker.look()
    page.get_by_role("button", name="Preview the plan").click()
    page.get_by_text("Preview: nothing is stored yet").wait_for()
    asker.look("preview by people")
    page.get_by_role("button", name="Start the run").click()
    page.locator("#live [role=status]").first.wait_for()
    asker.look("started by people")
    plan = Plan.objects.get(plan_id=page.locator("code", has_text="plan-").first.text_content())
    asker.leave()
    return plan


def next_steps(who: person.Person, plan: Plan) -> bool:
    """Do everything of the plan that stands in the inbox; whether there was anything."""
    did = False
    while who.take_up(plan.objective):
        did = True
        if who.page.url.split("/")[-4] == "task":
            who.finish(f"Done and checked by {who.username}")
        else:
            who.decide("Approve", f"Read by {who.username}.")
    return did


def test_six_people_launch_with_the_shipped_runbook_each_from_the_own_inbox(
    enter: Callable[..., person.Person], shipped: None
):
    people = {name: enter(name, "phone" if name in ("legal", "exec") else "desktop") for name in SIX}
    work_every_day()
    plan = run(people["ops"], LAUNCH.replace("2025-12-10", f"{clock.now().date()}"))
    worked: set[str] = set()

    def everybody_has_worked() -> bool:
        worked.update(name for name, who in people.items() if next_steps(who, plan))
        plan.refresh_from_db()
        left = plan.tasks.exclude(state="succeeded").values_list("key", flat=True)
        return set(left) == ON_LATER_DAYS or plan.state != "running"

    wait_until(everybody_has_worked, seconds=600)
    assert plan.state == "running", plan.state
    assert worked == set(SIX)
    assert set(plan.tasks.filter(key__in=ON_LATER_DAYS).values_list("state", flat=True)) == {"pending"}
    assert plan.tasks.get(key="go-live").state == "succeeded"
    ops = people["ops"]
    ops.open(f"/plans/plan/{plan.pk}/change/", "launched by six")
    ops.picture("launch-by-six")


def test_changes_asked_for_on_a_phone_are_made_by_the_requester_and_approved_for_both_reasons(
    enter: Callable[..., person.Person],
):
    ops, analyst = enter("ops"), enter("analyst")
    plan = run(ops, USAGE.replace("retention", "advocacy"))
    wait_until(lambda: analyst.take_up(plan.objective), SECONDS)
    analyst.finish("Sizes compared with our reports")
    finance, page = enter("finance", "phone"), ops.page
    wait_until(lambda: finance.take_up(plan.objective), SECONDS)
    finance.decide("Request changes", "The pool of this year takes 40,000 at most.")

    ops.open("/plans/approval/inbox/", "sent back")
    ops.picture("changes-in-the-inbox")
    asked = page.locator("li", has_text=plan.objective).filter(has_text="takes 40,000 at most")
    asked.get_by_role("link", name="Revise").click()
    page.get_by_text("The pool of this year takes 40,000 at most.").wait_for()
    page.get_by_label("Budget").fill("40000")
    page.get_by_label("What you changed, and why").fill("Ten thousand less: no gifts at entry.")
    ops.look("revised by the requester")
    page.get_by_role("button", name="Send revision 2 to its gates").click()
    page.locator("#live [role=status]").first.wait_for()
    ops.look("revision 2 sent")
    ops.leave()

    plan.refresh_from_db()
    wait_until(lambda: analyst.take_up(plan.objective), SECONDS)  # the tiers were designed anew
    analyst.finish("Sizes compared again")
    wait_until(lambda: finance.take_up(plan.objective), SECONDS)
    reasons = finance.page.locator("section", has_text="Why you are asked again")
    expect(reasons.get_by_text("The pool of this year takes 40,000 at most.")).to_be_visible()
    expect(reasons.get_by_text("Ten thousand less: no gifts at entry.")).to_be_visible()
    finance.look("both reasons")
    finance.picture("both-reasons-phone")
    finance.decide("Approve", "That fits.")
    assert plan.approvals.filter(gate="finance-approval").latest("round").state == "approved"


def test_a_dispute_goes_from_claim_to_release_from_inbox_to_inbox(
    enter: Callable[..., person.Person], tour: Campaign
):
    ops, analyst = enter("ops"), enter("analyst")
    plan = run(ops, TRACK)
    wait_until(lambda: analyst.take_up(plan.objective), SECONDS)
    analyst.decide("Approve", "The method was kept.")
    wait_until(lambda: plan.attribution_records.count() == 2, SECONDS)

    north, south = enter("northwind"), enter("contoso", "phone")
    page, deal = north.page, a_deal(plan)
    assert north.take_up("may be disputed until", "Disputes")
    page.get_by_label("Deal").fill(deal)
    page.get_by_label("Claim").fill("The first touch was on our page.")
    page.get_by_label("Evidence").fill("Our log of 1 October")
    page.get_by_role("button", name="File the dispute").click()
    page.get_by_text("The dispute is filed.").wait_for()
    north.look("filed")

    assert analyst.take_up(deal, "Disputes")
    analyst.say_of_a_dispute("The first touch is yours; the record says so.", "Answer")
    for contact in (north, south):
        assert contact.take_up(deal, "Disputes")
        contact.say_of_a_dispute("We agree.", "Sign off")
    expect(south.page.get_by_text("✓ Settled")).to_be_visible()

    for username, said in (("exec", "Both partners have signed."), ("deputy", "I have read the answer.")):
        steward = enter(username)
        assert steward.take_up(deal, "Stopped")
        steward.picture(f"release-by-{username}")
        steward.page.get_by_label("What was corrected").fill(said)
        steward.page.get_by_role("button", name="Agree to release").click()
        steward.page.locator(".g-facts, [role=status]").first.wait_for()
        steward.look("agreed to release")
    plan.refresh_from_db()
    assert plan.state == "running"
    receiver = enter("partner")
    assert receiver.take_up(plan.objective)
    receiver.finish("Planned into the next sprint")
    receiver.page.get_by_text("You can undo this for one minute.").wait_for()
    with clock.standing_at(clock.now() + TIME_TO_UNDO + timedelta(seconds=1)):
        sweep()
    plan.refresh_from_db()
    assert plan.state == "succeeded"
