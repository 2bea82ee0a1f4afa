"""A step that failed for good: another method where it declares one, else a person, with what failed."""

from dataclasses import replace

import pytest

from gtm.core.actors import acting_as
from gtm.core.errors import NotPermitted
from plans.engine.escalation import deadlines
from plans.engine.notices import delivery
from plans.engine.people import human_tasks, inbox
from plans.engine.running import runner, steps
from plans.engine.running.steps import PermanentError, TransientError
from plans.engine.running.sweep import sweep
from plans.export import document, rules
from plans.models import Notification
from plans.schemas.outputs import Chart, Series, StepResult
from tests.factories import AbsenceFactory, PersonFactory, RoleFactory, make_run
from tests.plans.engine.conftest import actor_of

pytestmark = pytest.mark.usefixtures("acting")
FOR_GOOD = PermanentError("There is no such table.")
BRIEFLY = TransientError("The warehouse is busy.")


@pytest.fixture
def cover():
    return PersonFactory(name="Cora", email="cora@example.com", roles=["stand-in"])


def make_failing(**fields):
    """The ready task of a plan whose step has no other method; its substitute is a role."""
    return make_run(methods={}, fallback_agent=RoleFactory(slug="stand-in"), **fields)


def run(task):
    state = runner.run_task(task.pk, "worker")
    task.refresh_from_db()
    return state


def used(task):
    found = document.build(task.plan)
    assert rules.problems(found) == []
    return [(u["outcome"], u["person"], u["for"], u["why"]) for u in found["fallbacks"][0]["used"]]


def test_who_covers_for_the_role_gets_it_with_what_failed_and_is_told(script, cover):
    script(FOR_GOOD)
    task = make_failing()
    assert run(task) == "with_substitute"
    task.plan.refresh_from_db()
    assert (task.plan.state, task.owner, task.escalations.count()) == ("running", cover, 0)
    assert task.due_at.isoformat() == "2026-03-03T10:00:00+00:00"  # eight working hours
    assert [t.pk for t in inbox.waiting_for(cover.accounts.get()).tasks] == [task.pk]
    delivery.work_off()
    message = Notification.objects.get(person=cover)
    assert message.subject == "Your task: work"
    assert "You are asked as its substitute (stand-in): mend it and try again, or do it." in message.body
    assert "The step failed: There is no such table." in message.body
    assert used(task) == [("asked", "Cora", "strategist", "failed: There is no such table.")]


def test_they_mend_it_and_try_again(script, cover):
    script(FOR_GOOD, StepResult({"points": 7}))
    task = make_failing()
    run(task)
    with acting_as(actor_of(cover)):
        human_tasks.grant_attempt(task, comment="The table is there now.")
    assert run(task) == "succeeded"


def test_or_they_do_it_by_hand_which_is_degraded_and_on_record(script, cover):
    script(FOR_GOOD)
    task = make_failing()
    run(task)
    with acting_as(actor_of(cover)):
        human_tasks.complete(task, result={"points": 7}, evidence={"note": "counted"}, comment="By hand.")
    assert task.state == "succeeded_manual"
    assert [outcome for outcome, *_ in used(task)] == ["asked", "done"]


def test_or_they_cannot_and_the_ladder_is_told(script, cover):
    script(FOR_GOOD)
    task = make_failing()
    run(task)
    with acting_as(actor_of(cover)):
        human_tasks.report_blocked(task, reason="Nobody has the table.")
    assert (task.state, task.escalations.get().trigger) == ("escalated", "task-blocked")


def test_what_they_could_not_do_runs_again_where_an_attempt_is_granted(script, cover):
    script(FOR_GOOD, StepResult({"points": 7}))
    task = make_failing()
    run(task)
    with acting_as(actor_of(cover)):
        human_tasks.report_blocked(task, reason="I have no access.")
    human_tasks.grant_attempt(task, comment="The table is there now.")
    assert run(task) == "succeeded"
    done = task.attempts.order_by("fence").values_list("executor", "outcome")
    assert [*done] == [("original", "failed"), ("person", "failed"), ("original", "succeeded")]


def test_somebody_else_may_not_try_again(script, cover):
    script(FOR_GOOD)
    task = make_failing()
    run(task)
    with acting_as(actor_of(PersonFactory(name="Else"))), pytest.raises(NotPermitted):
        human_tasks.grant_attempt(task, comment="Once more.")


def test_they_have_one_turn(script, cover):
    script(FOR_GOOD, FOR_GOOD)
    task = make_failing()
    run(task)
    human_tasks.grant_attempt(task, comment="Once more.")
    assert run(task) == "escalated"


def test_a_retry_comes_before_the_person(script, cover, time):
    script(BRIEFLY, BRIEFLY)
    task = make_failing(max_retries=1)
    assert run(task) == "retry_wait"
    time.pass_time(minutes=5)
    sweep()
    assert run(task) == "with_substitute"


def test_silence_of_the_substitute_goes_to_the_ladder(script, cover, time):
    script(FOR_GOOD)
    task = make_failing()
    run(task)
    time.pass_time(days=2)
    assert (deadlines.remind_tasks(time()), deadlines.escalate_overdue_tasks(time())) == (0, 1)
    assert task.escalations.get().trigger == "task-overdue"


def test_where_nobody_of_the_role_is_there_the_ladder_is_told_at_once(script, cover):
    AbsenceFactory(person=cover)
    script(FOR_GOOD)
    task = make_failing()
    assert (run(task), task.escalations.get().trigger) == ("escalated", "retries-exhausted")


def test_another_method_has_one_turn_says_what_it_changed_and_is_replayed(script, cover, monkeypatch):
    script(FOR_GOOD)
    monkeypatch.setitem(steps._methods, ("p:proof", "work"), lambda context: StepResult({"points": 5}))
    task = make_run(methods={"work": "a smaller sample"}, fallback_agent=RoleFactory(slug="stand-in"))
    assert [run(task), run(task)] == ["fallback_ready", "succeeded_degraded"]
    assert task.output == {"points": 5}
    body = document.build(task.plan)
    attempts = body["stages"][0]["tasks"][0]["attempts"]
    assert [(a["executor"], a["changed"]) for a in attempts] == [
        ("original", ""),
        ("substitute", "a smaller sample"),
    ]
    last = task.attempts.get(executor="substitute")
    assert runner.compute(task, last, _Quiet()).values == {"points": 5}


class _Quiet:
    observed = None

    def progress(self, percent, note=""):
        """Nobody watches."""

    effect = staticmethod(steps.refuse_effect)


@pytest.mark.parametrize("methods", [{}, {"work": "a smaller sample"}])
def test_a_retry_modifies_nothing_and_the_document_says_so(script, methods):
    plan = make_run(methods=methods).plan
    assert document.build(plan)["error_handling"]["retry_strategy"] == "immediate"


def test_a_chart_that_cannot_be_drawn_is_a_failure_that_is_tried_again(script, cover):
    good = Chart("trend", "Trend", "line", ["a"], [Series("s", [1.0])])
    bad = replace(good, shape="cloud")
    script(StepResult({}, outputs=[bad]), StepResult({}, outputs=[good]))
    task = make_failing()
    assert run(task) == "retry_wait"
    assert task.attempts.get().error.startswith("The chart “Trend” cannot be drawn")
    assert not task.artifacts.exists()
