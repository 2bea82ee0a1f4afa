"""Before anything goes out, the review looks at what the plan holds and at today's people and data."""

import pytest

from plans.engine.running import runner
from plans.engine.running.replay import replay
from plans.models import Artifact
from plans.runs.second_look import look_again
from programs.models import Approver, Tier
from tests.plans.conftest import BLUEPRINT, decide, start, work_off

pytestmark = pytest.mark.usefixtures("organisation")


@pytest.fixture
def approved():
    """A blueprint that both have approved and nobody has published."""
    plan = work_off(start(BLUEPRINT))
    decide(plan, "finance-approval", "finance")
    decide(plan, "legal-approval", "legal")
    return plan


def seen(plan):
    payload = plan.artifacts.get(key="second_review").payload
    names = [column["key"] for column in payload["columns"]]
    return {row["text"]: row for row in (dict(zip(names, row, strict=True)) for row in payload["rows"])}


def publish(plan):
    task = plan.tasks.get(key="publish-blueprint")
    runner.run_task(task.pk, "worker")
    task.refresh_from_db()
    return task


def test_a_blueprint_is_published_with_the_approvals_and_deliverables_that_it_holds(approved):
    plan = work_off(approved)
    found = seen(plan)
    assert {row["result"] for row in found.values()} == {"passed"}
    assert found["Every approval is given"]["evidence"] == (
        "Finance approval: Fiona Walsh. Legal approval: Lena Brandt."
    )
    assert "Program blueprint" in found["Deliverables are made"]["evidence"]
    assert found["Everything that comes before is done"]["evidence"].startswith("8 tasks are done.")
    assert [told for told in replay(plan) if not told.same] == []


def test_a_blueprint_without_a_deliverable_is_not_published(approved):
    Artifact.objects.get(plan=approved, key="financial_model").delete()
    task = publish(approved)
    assert "Deliverables are made: Not made: financial_model." in task.error["message"]
    assert not Tier.objects.filter(from_plan=approved).exists()


def test_a_role_that_nobody_holds_any_more_keeps_it_from_being_published(approved):
    Approver.objects.get(role__slug="member-insights-analyst").delete()
    assert "Nobody holds member-insights-analyst." in publish(approved).error["message"]
    assert not Tier.objects.filter(from_plan=approved).exists()


def test_an_approval_that_is_still_asked_is_told():
    plan = work_off(start(BLUEPRINT))
    decide(plan, "legal-approval", "legal")
    found = {item["key"]: item for item in look_again(plan, "publish-blueprint", ())}
    assert (found["approvals"]["result"], found["approvals"]["evidence"]) == (
        "failed", "Not given: Finance approval.",
    )  # fmt: skip
    assert found["dependencies"]["result"] == "failed"
