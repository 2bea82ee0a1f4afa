"""Leads who are away: their tasks go to whoever stands in, by a fixed order, with every skip on record."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gtm.core.actors import acting_as
from gtm.core.evidence import changelog
from plans.engine.notices import delivery
from plans.engine.people import human_tasks, inbox, substitutes
from plans.engine.running.sweep import sweep
from plans.export import decisions
from plans.models import Notification, Plan
from programs.models import Absence
from tests.factories import (
    START,
    AbsenceFactory,
    ApproverFactory,
    DelegationFactory,
    PersonFactory,
    RoleFactory,
    gate,
    make_plan,
    round_of,
    seat,
)
from tests.plans.engine.conftest import actor_of

pytestmark = pytest.mark.usefixtures("acting")
DAYS = 20


@pytest.fixture
def lead():
    return PersonFactory(name="Lea", email="lea@example.com", roles=["strategist"])


@pytest.fixture
def cover():
    return PersonFactory(name="Cora", email="cora@example.com", roles=["ops"])


@pytest.fixture
def signer():
    return PersonFactory(name="Fay", roles=["finance"])


def go_away(person, **rest):
    return AbsenceFactory(person=person, ends_at=START + timedelta(days=DAYS), **rest)


def planned(lead, requester=None):
    """A plan whose last task is the lead's; ops cover."""
    return make_plan(owner=lead, requester=requester, due_hours={"9": 16}, fallback=RoleFactory(slug="ops"))


def reach(plan, signer, vote):
    """The gate before the lead's task is passed."""
    vote(signer, round_of(plan))
    return plan.tasks.get(key="publish")


def rows(plan, event):
    return [row for row in changelog.rows(plan.change_chain()) if row["event"] == event]


def subjects():
    return list(Notification.objects.order_by("pk").values_list("person__name", "subject"))


def used(plan):
    covers = [{"agent": "strategist", "covered_by": "ops"}]
    told = Plan(pk=plan.pk, declaration=plan.declaration | {"fallbacks": covers})
    (found,) = decisions.fallbacks(told, list(plan.tasks.all()), list(changelog.rows(plan.change_chain())))
    return [(u["outcome"], u["person"], u["for"], u["why"]) for u in found["used"]]


def test_a_task_of_somebody_away_is_asked_of_the_fallback_role_told_and_recorded(lead, cover, signer, vote):
    go_away(lead)
    plan = planned(lead)
    task = reach(plan, signer, vote)
    assert (task.state, task.owner, task.covers_for) == ("ready", cover, lead)
    (row,) = rows(plan, "stands in")
    assert (row["to"]["person"], row["to"]["for"], row["to"]["role"], row["to"]["by"]) == (
        "Cora",
        "Lea",
        "ops",
        "fallback for strategist",
    )
    assert row["reason"] == "Lea is away until 2026-03-22."
    assert [t.pk for t in inbox.waiting_for(cover.accounts.get()).tasks] == [task.pk]
    assert inbox.waiting_for(lead.accounts.get()).tasks == []
    delivery.work_off()
    assert ("Cora", "Your task: publish") in subjects()
    assert ("Lea", "Your task: publish") not in subjects()
    message = Notification.objects.get(person=cover, subject="Your task: publish")
    assert "You stand in for Lea (strategist), who is away." in message.body


def test_who_did_it_when_for_whom_and_why_stands_in_the_plan(lead, cover, signer, vote):
    go_away(lead)
    plan = planned(lead)
    task = reach(plan, signer, vote)
    with acting_as(actor_of(cover)):
        human_tasks.complete(task, result={}, evidence={"note": "seen"})
    told = ("Cora", "Lea", "is away until 2026-03-22")
    assert used(plan) == [("asked", *told), ("done", *told)]


def test_a_lead_who_goes_away_later_does_not_keep_the_task_and_one_who_is_back_gets_it_again(
    lead, cover, signer, vote, time
):
    plan = planned(lead)
    task = reach(plan, signer, vote)
    assert (task.owner, sweep().covered) == (lead, 0)
    away = go_away(lead)
    assert [sweep().covered, sweep().covered] == [1, 0]
    task.refresh_from_db()
    assert task.owner == cover
    away.delete()
    go_away(cover)
    assert sweep().covered == 1
    task.refresh_from_db()
    assert (task.owner, task.covers_for) == (lead, None)


def test_the_order_is_the_absence_the_delegate_the_role_and_then_the_fallback(lead, cover, signer, vote):
    second = PersonFactory(name="Sam", roles=["strategist"])
    named, lent = PersonFactory(name="Ned", roles=["ops"]), PersonFactory(name="Dee")
    go_away(lead, substitute=named)
    DelegationFactory(principal=lead, delegate=lent, role=RoleFactory(slug="strategist"))
    plan = planned(lead)
    task = reach(plan, signer, vote)
    order = [task.owner]
    for person in (named, lent, second):
        go_away(person)
        sweep()
        task.refresh_from_db()
        order.append(task.owner)
    assert order == [named, lent, second, cover]
    assert rows(plan, "stands in")[-1]["to"]["passed_over"] == [
        "Lea (whose task it was) is away until 2026-03-22",
        "Ned (substitute of Lea) is away until 2026-03-22",
        "Dee (delegate of Lea) is away until 2026-03-22",
    ]


def test_whoever_lacks_the_role_has_no_authority_here_or_was_chosen_by_the_requester_is_passed_over(
    lead, cover, signer, vote
):
    asking = PersonFactory(name="Rex", roles=["ops"])
    with acting_as(actor_of(asking)):
        go_away(lead, substitute=cover)
    go_away(lead, substitute=PersonFactory(name="Nobody's"))
    ApproverFactory(
        person=PersonFactory(name="Ria"), role=RoleFactory(slug="strategist"), program_kinds=["referral"]
    )
    plan = planned(lead, requester=asking.accounts.get())
    task = reach(plan, signer, vote)
    assert rows(plan, "stands in")[-1]["to"]["passed_over"] == [
        "Cora (substitute of Lea) was chosen by somebody who asked for this plan or edited it",
        "Nobody's (substitute of Lea) does not hold strategist or ops",
        "Ria (holds strategist too) holds strategist only for referral programs",
    ]
    assert task.owner == asking  # holds the fallback role, and a task is no approval


def test_where_nobody_can_the_ladder_is_told_once_and_stops_when_somebody_has_it(lead, signer, vote, time):
    go_away(lead)
    plan = planned(lead)
    task = reach(plan, signer, vote)
    assert (task.owner, sweep().covered, sweep().covered) == (lead, 0, 0)
    case = plan.escalations.get()
    assert (case.trigger, case.occurrences) == ("task-unattended", 1)
    assert case.subject == "9 publish: Lea is away until 2026-03-22 and nobody stands in"
    PersonFactory(name="Late", roles=["ops"])
    assert sweep().covered == 1
    case.refresh_from_db()
    assert case.state == "cancelled"


def test_a_task_given_on_by_people_is_theirs_to_give(lead, cover, signer, vote):
    go_away(lead)
    task = reach(planned(lead), signer, vote)
    other = PersonFactory(name="Otto", roles=["strategist"])
    with acting_as(actor_of(cover)):
        human_tasks.reassign(task, owner=other, comment="He knows it.")
    task.refresh_from_db()
    assert (task.owner, task.covers_for) == (other, None)


def test_a_substitute_who_does_it_all_the_same_is_on_record(lead, cover, signer, vote):
    plan = planned(lead)
    task = reach(plan, signer, vote)
    with acting_as(actor_of(cover)):
        human_tasks.complete(task, result={}, evidence={})
    assert used(plan) == [("done", "Cora", "Lea", "was here; the substitute did it")]


def test_at_the_start_the_substitute_is_told_of_every_task_of_the_lead(lead, cover):
    go_away(lead)
    plan = planned(lead)
    substitutes.announce(plan)
    assert plan.tasks.get(key="publish").owner == lead  # who may be back when it is to be done
    assert used(plan) == [("asked", "Cora", "Lea", "is away until 2026-03-22")]
    delivery.work_off()
    message = Notification.objects.get(person=cover)
    assert message.subject == f"You stand in for Lea: {plan.plan_id}"
    assert "You are asked as ops: 9 publish." in message.body


def test_where_everybody_is_here_the_start_says_nothing(lead, cover):
    plan = planned(lead)
    substitutes.announce(plan)
    assert rows(plan, "stands in") == []


def test_the_sweep_asks_a_fixed_number_of_questions(lead, signer, vote):
    go_away(lead)
    counts = []
    for _ in range(2):
        for _ in range(3):
            reach(planned(lead), signer, vote)
        substitutes.sweep(START)
        with CaptureQueriesContext(connection) as queries:
            assert substitutes.sweep(START) == 0
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_an_absence_that_is_over_moves_nothing(lead, cover, signer, vote):
    Absence(person=lead, starts_at=START - timedelta(days=9), ends_at=START - timedelta(days=2)).save()
    assert reach(planned(lead), signer, vote).owner == lead


def test_at_the_start_whoever_would_decide_for_an_approver_who_is_away_is_told():
    legal, sponsor = (
        PersonFactory(name=name, roles=[role]) for name, role in (("Lena", "legal"), ("Elena", "sponsor"))
    )
    go_away(legal)
    plan = make_plan(gate(seat("legal"), fallbacks={"legal": "sponsor"}))
    substitutes.announce(plan)
    (row,) = rows(plan, "stands in")
    told = row["to"]
    assert (told["person"], told["for"], told["role"], told["tasks"]) == ("Elena", "Lena", "legal", ["2"])
    assert "away" in told["why"]
    delivery.work_off()
    assert ("Elena", f"You stand in for Lena: {plan.plan_id}") in subjects()
    message = Notification.objects.get(person__name="Elena", notice__kind="stand-in")
    assert "\nLena is away until 2026-03-22.\n" in message.body
    asked = decisions.fallbacks(plan, list(plan.tasks.all()), list(changelog.rows(plan.change_chain())))
    used = [use for cover in asked for use in cover["used"]]
    assert [(use["person"], use["for"], use["outcome"]) for use in used] == [("Elena", "Lena", "asked")]
