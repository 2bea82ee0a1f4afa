"""Success metrics: measured at the end of a run, and by the runs that come after it."""

import pytest

from plans.engine.running import runner, steps
from plans.export import document, rules
from plans.schemas.outputs import StepResult
from tests.factories import make_run

METRIC = {
    "key": "points", "label": "Points", "target": "at least 8", "actual": "found.points", "unit": "points",
    "comparator": ">=", "aim": "8", "source": "The work", "later": "p:proof found.points",
}  # fmt: skip


@pytest.fixture
def finish(acting, monkeypatch, django_capture_on_commit_callbacks):
    """Run a plan of ``proof`` to its end; what the work finds is given."""
    monkeypatch.setattr(steps, "_steps", dict(steps._steps))

    def through(plan, found):
        for key in ("work", "sum-up"):
            steps.register("p:proof", key, lambda context: StepResult(found))
        with django_capture_on_commit_callbacks(execute=True):
            while task := plan.tasks.filter(state="ready").first():
                assert runner.run_task(task.pk, "worker") == "succeeded"
        plan.refresh_from_db()
        return plan

    return through


def prepared(inputs=None, **fields):
    plan = make_run(**fields).plan
    plan.inputs = inputs or {}
    plan.declaration = {**plan.declaration, "success_metrics": [METRIC]}
    plan.save()
    return plan


def points_of(plan):
    body = document.build(plan)
    assert rules.problems(body) == []
    return body["success_metrics"][0]


def test_a_metric_is_met_or_not_at_the_end_and_again_after_a_later_run(finish):
    first = prepared()
    before = points_of(first)
    assert (before["target"], before["actual"], before["met"]) == (8, None, None)
    assert before["why"] == "The task that measures it has no result yet."
    finish(first, {"points": 7})
    assert (points_of(first)["actual"], points_of(first)["met"], points_of(first)["why"]) == (7, False, "")
    second = finish(prepared(program=first.program), {"points": 9})
    after = points_of(first)
    assert (after["actual"], after["met"], after["measured_by"]) == (9, True, second.plan_id)
    assert [(m["measured_by"], m["actual"], m["met"]) for m in after["measurements"]] == [
        (first.plan_id, 7, False), (second.plan_id, 9, True),
    ]  # fmt: skip
    (row,) = [r for r in document.build(first)["change_log"] if r["event"] == "measured"]
    assert (row["field"], row["reason"]) == ("success_metrics/points", f"Measured by {second.plan_id}.")


def test_a_run_on_another_program_measures_nothing_of_this_one(finish):
    first = finish(prepared(), {"points": 7})
    finish(prepared(), {"points": 9})
    assert points_of(first)["actual"] == 7


@pytest.mark.parametrize("name", ["window", "attribution_model"])
def test_a_run_over_another_window_or_by_another_model_measures_nothing_of_this_one(finish, name):
    first = finish(prepared(inputs={name: "30d"}), {"points": 7})
    finish(prepared(program=first.program, inputs={name: "7d"}), {"points": 2})
    assert (points_of(first)["actual"], len(points_of(first)["measurements"])) == (7, 1)
    like = finish(prepared(program=first.program, inputs={name: "7d"}), {"points": 3})
    assert points_of(like)["actual"] == 3


def test_a_run_that_finds_no_number_says_so_and_leaves_the_last_one(finish):
    first = finish(prepared(), {"points": None})
    assert (points_of(first)["met"], points_of(first)["why"]) == (None, "The run did not measure it.")
    second = finish(prepared(program=first.program), {"points": None, "unavailable": {"points": "No data."}})
    assert points_of(first)["measurements"] == []
    assert points_of(second)["why"] == "No data."
