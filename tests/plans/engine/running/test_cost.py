"""What a task costs beside the work itself: queries from the claim to the next task ready."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gtm.core.evidence.changelog import verify_chain
from gtm.core.fsm import perform
from plans.engine.running import runner
from plans.schemas.outputs import StepResult
from tests.factories import make_steps

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("acting", "rung")]
MOST_QUERIES = 25


def queries_of_each(plan, count):
    """Of the first tasks of a plan that was just begun, each run by a worker."""
    perform(plan, "begin")
    found = []
    for pk in plan.tasks.order_by("position").values_list("pk", flat=True)[:count]:
        with CaptureQueriesContext(connection) as queries:
            assert runner.run_task(pk, "worker") == "succeeded"
        found.append(len(queries))
    return found


def test_a_task_of_a_long_plan_asks_the_database_no_more_than_one_of_a_short_plan(script):
    script(*[StepResult({})] * 10)
    short, long = (queries_of_each(make_steps(size, True), 5) for size in (50, 200))
    assert short == long
    assert max(short) <= MOST_QUERIES


def test_a_task_that_makes_the_next_one_ready_keeps_to_the_budget_too(script):
    script(*[StepResult({})] * 6)
    plan = make_steps(6, False)
    found = queries_of_each(plan, 6)
    assert max(found[:5]) <= MOST_QUERIES
    plan.refresh_from_db()
    assert (plan.state, verify_chain(plan.change_chain())) == ("succeeded", [])
