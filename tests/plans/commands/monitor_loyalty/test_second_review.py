"""Before a report is distributed the review checklist is run again, by today's people."""

import pytest

from gtm.core.actors import acting_as
from plans.engine.gates import rounds
from plans.engine.running.replay import replay
from plans.runs.second_look import OWN
from programs.models import Approver, Person
from tests.plans.commands.loyalty_program import SUMMARY, load_purchases, outputs, rows, run, work
from tests.plans.engine.conftest import actor_of


@pytest.fixture
def approved(loyalty, tmp_path):
    """A report that the strategist has validated."""
    load_purchases(loyalty, tmp_path)
    plan = run(SUMMARY)
    strategist = Person.objects.get(approverships__role__slug="loyalty-strategist")
    with acting_as(actor_of(strategist)):
        rounds.decide(plan.approvals.get(), "approve", comment="Checked.")
    return plan


def states(plan):
    return dict(plan.tasks.filter(stage_id="6").values_list("key", "state"))


def test_what_is_in_order_is_distributed_with_the_answers_kept(approved):
    plan = work(approved)
    assert states(plan) == {"second-review": "succeeded", "distribute": "ready"}
    found = rows(outputs(plan)["second_review"])
    assert {row["result"] for row in found} == {"passed"}
    asked_before = {item["text"] for item in plan.checklist if item["key"] not in OWN}
    assert asked_before < {row["text"] for row in found}
    (approvals,) = [row["evidence"] for row in found if row["text"] == "Every approval is given"]
    strategist = Person.objects.get(approverships__role__slug="loyalty-strategist")
    assert approvals == f"Roadmap validation: {strategist.name}."


def test_somebody_who_left_since_keeps_it_from_being_distributed(approved):
    Approver.objects.get(role__slug="loyalty-ops").delete()
    plan = work(approved)
    task = plan.tasks.get(key="second-review")
    assert "People hold the role of every task: Nobody holds loyalty-ops." in task.error["message"]
    assert states(plan) == {"second-review": "with_substitute", "distribute": "pending"}


def test_a_replay_reads_what_the_review_saw(approved):
    plan = work(approved)
    Approver.objects.get(role__slug="loyalty-ops").delete()
    assert [told for told in replay(plan) if not told.same] == []
