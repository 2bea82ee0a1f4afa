"""Work of people while a plan stands still: under a rip-cord nothing counts, a pause starts nothing."""

import pytest
from django.contrib.auth.models import Permission

from gtm.core.actors import acting_as
from gtm.core.errors import GuardNotMet, NotPermitted, WrongState
from gtm.core.fsm import perform
from plans.engine.people import human_tasks
from plans.engine.running import flow
from plans.engine.stopping import ripcord
from plans.models import TaskKind
from plans.selectors import comments_on
from tests.factories import PersonFactory, UserFactory, make_plan, make_task
from tests.plans.engine.conftest import actor_of

pytestmark = pytest.mark.usefixtures("acting")


@pytest.fixture
def tasks():
    """A ready task of a person, one that was reported as blocked, and one that needs the former."""
    plan = make_plan()
    ready, blocked, after = (
        make_task(plan, position, key, TaskKind.HUMAN)
        for position, key in enumerate(("train", "fund", "tell"), 20)
    )
    after.needs.add(ready)
    perform(plan, "review_again", comment="Three tasks more.")
    perform(plan, "accept")
    perform(plan, "begin")
    human_tasks.report_blocked(blocked := plan.tasks.get(key="fund"), reason="No budget.")
    return plan, plan.tasks.get(key="train"), blocked, after


@pytest.fixture
def ann():
    """May do everything with tasks."""
    user = UserFactory()
    user.user_permissions.set(
        Permission.objects.filter(codename__in=["operate_plan", "view_task", "release_ripcord"])
    )
    return PersonFactory(name="Ann", user=user)


ACTS = {
    "complete": lambda ready, blocked: human_tasks.complete(ready, result={}, evidence={}),
    "report as blocked": lambda ready, blocked: human_tasks.report_blocked(ready, reason="Nobody is there."),
    "unblock": lambda ready, blocked: human_tasks.unblock(blocked, comment="Funded."),
    "grant an attempt": lambda ready, blocked: human_tasks.grant_attempt(blocked, comment="Once more."),
    "record a result": lambda ready, blocked: human_tasks.complete(
        blocked, result={}, evidence={}, comment="By hand."
    ),
    "waive": lambda ready, blocked: human_tasks.waive(blocked, comment="Later."),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_without_one_each_of_them_counts(tasks, ann, act):
    plan, ready, blocked, _ = tasks
    before = set(plan.tasks.values_list("pk", "state"))
    with acting_as(actor_of(ann)):
        act(ready, blocked)
    assert set(plan.tasks.values_list("pk", "state")) != before


@pytest.mark.parametrize("scope", ["plan", "program", "installation"])
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_under_a_rip_cord_no_task_takes_a_result(tasks, ann, act, scope):
    plan, ready, blocked, after = tasks
    where = {"plan": {"plan": plan}, "program": {"program": plan.program}, "installation": {}}[scope]
    ripcord.pull(scope, reason="Fraud.", **where)
    before = list(plan.tasks.order_by("pk").values_list("state", flat=True))
    with acting_as(actor_of(ann)), pytest.raises((GuardNotMet, NotPermitted, WrongState)):
        act(ready, blocked)
    assert list(plan.tasks.order_by("pk").values_list("state", flat=True)) == before


def test_what_was_done_under_a_rip_cord_is_kept_as_a_comment_with_its_evidence(tasks, ann):
    plan, ready, _, _ = tasks
    ripcord.pull("plan", plan=plan, reason="Fraud.")
    with acting_as(actor_of(ann)):
        human_tasks.comment_on(ready, text="Trained this morning.", evidence={"note": "12 people"})
    assert [(said["text"], said["evidence"]) for said in comments_on(ready)] == [
        ("Trained this morning.", {"note": "12 people"})
    ]


def test_in_a_pause_people_finish_what_they_began_and_nothing_new_starts(tasks, ann):
    plan, ready, _, after = tasks
    perform(plan, "pause", comment="Holiday.")
    with acting_as(actor_of(ann)):
        human_tasks.complete(ready, result={}, evidence={})
    ready.refresh_from_db()
    after.refresh_from_db()
    assert (ready.state, after.state) == ("succeeded", "pending")
    perform(plan, "resume", comment="Back.")
    after.refresh_from_db()
    assert after.state == "ready"


def test_a_plan_that_was_blocked_goes_on_as_blocked_after_a_pause(tasks):
    plan, _, blocked, _ = tasks
    plan.refresh_from_db()
    perform(plan, "pause", comment="Holiday.")
    perform(plan, "resume", comment="Back.")
    assert plan.state == "blocked"
    human_tasks.unblock(blocked, comment="Funded.")
    plan.refresh_from_db()
    assert plan.state == "running"


def test_a_task_that_escalates_as_the_cord_is_pulled_leaves_its_plan_blocked_after_the_release(tasks):
    plan, _, _, _ = tasks
    plan.refresh_from_db()
    plan.held_from = "running"
    assert flow.state_before_hold(plan, {}) == "blocked"
