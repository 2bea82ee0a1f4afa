"""People who pass work on to each other: a launch by six, changes asked for on a phone, a dispute.

Everybody logs in, and finds the next step in the own inbox. Nothing is done but on pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from gtm.core import clock
from gtm.core.actors import ADMIN, Actor, acting_as
from plans.demo import organisation, partners, runbooks
from plans.models import Plan
from programs.models import Absence, Campaign, Person, Runbook
from tests.conftest import wait_until
from tests.documents.usage import LAUNCH, TRACK
from tests.doors import USAGE, user
from tests.e2e import person
from tests.plans.commands.track_source.campaign import a_deal

pytestmark = pytest.mark.e2e

SIX = ("ops", "partner", "legal", "finance", "sales", "exec")
AWAY = ("strategist", "studio", "customer-success", "deputy")
"""Who is left of a launch's roles has a substitute among the six, as the shipped runbooks name them."""
SECONDS = 60_000


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
        partners.load(campaign, organisation.PASSWORD, lambda line: None)
    return campaign


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
    plan = Plan.objects.get(plan_id=page.locator("code", has_text="plan-").first.inner_text())
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
    plan = run(people["ops"], LAUNCH.replace("2025-12-10", f"{clock.now().date()}"))
    worked: set[str] = set()

    def everybody_has_worked() -> bool:
        worked.update(name for name, who in people.items() if next_steps(who, plan))
        plan.refresh_from_db()
        return plan.state != "running"

    wait_until(everybody_has_worked, seconds=600)
    assert plan.state == "succeeded", plan.state
    assert worked == set(SIX)
    assert plan.tasks.get(key="go-live").state == "succeeded"
    ops = people["ops"]
    ops.open(f"/plans/plan/{plan.pk}/change/", "launched by six")
    ops.picture("launch-by-six")
