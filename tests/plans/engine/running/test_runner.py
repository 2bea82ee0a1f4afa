"""One automated task, from the bell to the row: every outcome, and each of them once."""

from datetime import timedelta
from unittest.mock import Mock

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.contrib.auth.models import Permission
from django.db import OperationalError

from gtm.core.actors import acting_as
from gtm.core.models import ChangeLogEntry
from plans.engine.people import human_tasks
from plans.engine.running import runner
from plans.engine.running.leases import claim
from plans.engine.running.steps import EffectUnclear, PermanentError, TransientError
from plans.engine.running.sweep import sweep
from plans.engine.stopping import ripcord
from plans.models import Escalation
from plans.schemas.outputs import Figure, Metrics, StepResult
from tests.factories import PersonFactory, RoleFactory, make_run
from tests.plans.engine.conftest import actor_of

pytestmark = pytest.mark.usefixtures("acting")
FOUND = StepResult({"points": 7}, [Metrics("found", "Found", [Figure("points", "Points", 7)])])
OTHER = StepResult({"points": 8})
BRIEFLY = TransientError("The warehouse is busy.")
FOR_GOOD = PermanentError("There is no such table.")
UNCLEAR = EffectUnclear("The partner did not answer.")


@pytest.fixture
def substitute():
    return RoleFactory(slug="stand-in")


def run(task):
    """A bell rings for the task; answers the state it is in afterwards."""
    return runner.run_task(task.pk, "worker")


def attempts(task):
    return [(a.number, a.executor, a.outcome) for a in task.attempts.order_by("fence")]


def rows_about(plan):
    return ChangeLogEntry.objects.filter(chain=plan.change_chain()).count()


def run_to_escalation(task, time):
    """Ring and wait, over and over, as far as the engine goes by itself."""
    states = []
    while (state := run(task)) not in ("escalated", "succeeded", "succeeded_degraded", "unknown"):
        states.append(state)
        time.pass_time(minutes=16)
        sweep()
    return [*states, state]


# ------------------------------------------------------------------ outcomes


def test_success_is_output_artifacts_attempt_and_the_next_task_ready(script):
    script(FOUND)
    task = make_run()
    assert run(task) == "succeeded"
    task.refresh_from_db()
    assert (task.output, task.progress, task.lease_expires_at) == ({"points": 7}, 100, None)
    assert attempts(task) == [(1, "original", "succeeded")]
    assert task.artifacts.get().is_deliverable
    assert task.plan.tasks.get(key="sum-up").state == "ready"


def test_a_later_task_reads_what_the_earlier_one_left(script):
    script(FOUND)
    total = script(OTHER, key="sum-up")
    task = make_run()
    run(task)
    after = task.plan.tasks.get(key="sum-up")
    assert run(after) == "succeeded"
    assert total.call_args.args[0].outputs == {"found": {"points": 7}}
    task.plan.refresh_from_db()
    assert task.plan.state == "succeeded"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BRIEFLY, "transient"),
        (OperationalError("locked"), "transient"),
        (ConnectionResetError(), "transient"),
        (TimeoutError(), "transient"),
        (OSError("I/O error"), "transient"),
        (MemoryError(), "transient"),
        (SoftTimeLimitExceeded(), "transient"),
        (FOR_GOOD, "permanent"),
        (ZeroDivisionError(), "permanent"),
        (FileNotFoundError(), "permanent"),
        (UNCLEAR, "unclear"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_are_transient_permanent_or_unclear(error, kind):
    assert runner.classify(error) == kind


def test_three_attempts_then_the_substitute_once_then_rung_one(script, substitute, time):
    PersonFactory(name="Stella", roles=["strategist"])
    step = script(BRIEFLY, BRIEFLY, BRIEFLY, BRIEFLY)
    task = make_run(fallback_agent=substitute)
    assert run_to_escalation(task, time) == ["retry_wait", "retry_wait", "fallback_ready", "escalated"]
    assert attempts(task) == [
        (1, "original", "failed"),
        (2, "original", "failed"),
        (3, "original", "failed"),
        (1, "substitute", "failed"),
    ]
    assert [call.args[0].substitute for call in step.call_args_list] == [False, False, False, True]
    case = Escalation.objects.get(task=task)
    assert (case.trigger, case.state, case.rung) == ("retries-exhausted", "notified", 1)
    assert case.firings.get().notified[0]["name"] == "Stella"
    task.plan.refresh_from_db()
    assert task.plan.state == "blocked"


def test_the_wait_doubles_within_a_fifth_and_nobody_runs_before_it_is_over(script, time):
    step = script(BRIEFLY, BRIEFLY, FOUND)
    task = make_run()
    for wait in (60, 120):
        assert run(task) == "retry_wait"
        task.refresh_from_db()
        left = (task.next_attempt_at - time.now).total_seconds()
        assert 0.8 * wait <= left <= 1.2 * wait
        time.pass_time(seconds=left - 1)
        assert (sweep().retried, run(task)) == (0, "retry_wait")
        time.pass_time(seconds=1)
        assert sweep().retried == 1
    assert run(task) == "succeeded"
    assert step.call_count == 3


def test_no_wait_is_longer_than_a_quarter_of_an_hour():
    assert max(runner.backoff(used) for used in range(1, 20)) == 900


def test_the_substitutes_success_is_degraded_and_so_is_the_plans(script, substitute):
    script(FOR_GOOD, FOUND)
    script(OTHER, key="sum-up")
    task = make_run(fallback_agent=substitute)
    assert [run(task), run(task)] == ["fallback_ready", "succeeded_degraded"]
    run(task.plan.tasks.get(key="sum-up"))
    task.plan.refresh_from_db()
    assert task.plan.state == "succeeded_degraded"


def test_what_will_not_pass_goes_to_people_at_once_where_nobody_stands_in(script):
    step = script(FOR_GOOD)
    task = make_run()
    assert run(task) == "escalated"
    assert step.call_count == 1
    task.refresh_from_db()
    assert task.error["message"] == "There is no such table."


def test_an_unclear_effect_is_never_repeated_by_itself(script, substitute, time):
    step = script(UNCLEAR)
    task = make_run(fallback_agent=substitute)
    assert run(task) == "unknown"
    for _ in range(3):
        time.pass_time(days=1)
        sweep()
        assert run(task) == "unknown"
    assert step.call_count == 1
    assert Escalation.objects.get(task=task).trigger == "effect-unknown"


def test_a_step_nobody_installed_goes_to_people(script):
    task = make_run()
    assert run(task) == "escalated"
    task.refresh_from_db()
    assert task.error["hint"] == "Deploy the version of the command that the plan was started with."


def test_a_granted_attempt_that_fails_goes_back_to_people(script, substitute):
    script(FOR_GOOD, FOR_GOOD, FOR_GOOD)
    task = make_run(fallback_agent=substitute)
    assert [run(task), run(task)] == ["fallback_ready", "escalated"]
    task.refresh_from_db()
    human_tasks.grant_attempt(task, comment="The table is there now.")
    assert run(task) == "escalated"
    assert attempts(task) == [
        (1, "original", "failed"),
        (1, "substitute", "failed"),
        (2, "original", "failed"),
    ]


# ------------------------------------------------------------------ once


def test_a_repeated_message_changes_nothing(script):
    effect = Mock()
    step = script(FOUND, apply=effect)
    task = make_run()
    run(task)
    before = rows_about(task.plan)
    assert [run(task), run(task)] == ["succeeded", "succeeded"]
    assert (step.call_count, effect.call_count, rows_about(task.plan)) == (1, 1, before)


def test_a_message_repeated_while_the_task_runs_does_not_run_it_twice(script):
    states = []
    task = make_run()
    step = script(lambda context: states.append(run(task)) or FOUND)
    assert run(task) == "succeeded"
    assert (states, step.call_count) == (["running"], 1)


def overtaken(task, time, result=FOUND):
    """A step whose lease runs out while it computes: a second worker does the task meanwhile."""

    def act(context):
        time.pass_time(minutes=2)
        assert sweep().lost == 1
        run(task)
        return result

    return act


def test_a_late_result_is_kept_and_not_applied(script, time):
    effect = Mock()
    task = make_run()
    script(overtaken(task, time), OTHER, apply=effect)
    assert run(task) == "succeeded"
    task.refresh_from_db()
    assert task.output == {"points": 8}
    assert [call.args[1] for call in effect.call_args_list] == [{"points": 8}]
    late, current = task.attempts.order_by("fence")
    assert (late.outcome, late.late_output) == ("lost", {"points": 7})
    assert (current.outcome, current.late_output) == ("succeeded", None)
    assert task.artifacts.count() == 0  # the late result's artifact is not among them
    assert ChangeLogEntry.objects.filter(event="late result kept").count() == 1


def test_a_late_failure_changes_nothing_either(script, time):
    task = make_run()

    def fail_late(context):
        overtaken(task, time)(context)
        raise FOR_GOOD

    script(fail_late, OTHER)
    assert run(task) == "succeeded"
    assert [outcome for *_, outcome in attempts(task)] == ["lost", "succeeded"]
    assert not Escalation.objects.exists()


def test_a_step_that_lost_its_lease_is_told_at_its_next_word(script, time):
    task = make_run()
    after_progress = Mock()

    def report(context):
        overtaken(task, time)(context)
        context.progress(100, "almost")
        after_progress()

    script(report, OTHER)
    assert run(task) == "succeeded"
    assert after_progress.call_count == 0
    assert [outcome for *_, outcome in attempts(task)] == ["lost", "succeeded"]


def test_a_lost_worker_is_no_attempt_and_three_are_enough(script, time):
    task = make_run()

    def vanish(context):
        time.pass_time(minutes=2)
        sweep()
        return FOUND

    script(*[vanish] * 4)
    assert [run(task) for _ in range(4)] == ["ready", "ready", "ready", "escalated"]
    assert attempts(task) == [(1, "original", "lost")] * 4
    task.refresh_from_db()
    assert (task.attempts_used, task.restarts, task.error["kind"]) == (1, 3, "infrastructure")


def interrupted_by(stop):
    """As DuckDB says it: the exception that interrupted its query is the cause of its own."""
    failed = RuntimeError("Query interrupted")
    failed.__cause__ = stop
    return failed


def test_a_worker_that_has_to_end_amid_a_query_is_lost_and_the_step_has_not_failed(script, time):
    script(interrupted_by(SystemExit(-241)), FOUND)
    task = make_run()
    with pytest.raises(SystemExit):
        run(task)
    task.refresh_from_db()
    assert task.state == "running"
    time.pass_time(minutes=2)
    assert sweep().lost == 1
    assert run(task) == "succeeded"
    assert attempts(task) == [(1, "original", "lost"), (1, "original", "succeeded")]


def test_a_query_that_takes_too_long_may_take_less_the_next_time(script):
    script(interrupted_by(SoftTimeLimitExceeded()))
    task = make_run()
    assert run(task) == "retry_wait"
    task.refresh_from_db()
    assert task.error["message"] == "The step ran longer than it may."


def test_a_stop_is_no_attempt_and_what_ran_into_it_is_kept(script, time):
    allowed = Permission.objects.filter(codename="release_ripcord")
    releasers = [PersonFactory(name=name) for name in ("Rex", "Rita")]
    task = make_run()
    script(lambda context: ripcord.pull("plan", plan=task.plan, reason="Fraud.") and FOUND, OTHER)
    assert run(task) == "suspended"
    for person in releasers:
        person.accounts.get().user_permissions.set(allowed)
        with acting_as(actor_of(person)):
            ripcord.release(task.plan, remediation="Fixed.")
    assert run(task) == "succeeded"
    assert attempts(task) == [(1, "original", "superseded"), (1, "original", "succeeded")]
    assert task.attempts.first().late_output == {"points": 7}


def test_a_stopped_program_takes_no_result_of_its_plans(script):
    task = make_run()
    effect = Mock()
    script(
        lambda context: ripcord.pull("program", program=task.plan.program, reason="Fraud.") and FOUND,
        apply=effect,
    )
    run(task)
    task.refresh_from_db()
    assert (task.output, effect.call_count) == (None, 0)


def test_an_effect_that_fails_takes_everything_with_it_and_counts_as_a_failure(script, substitute):
    effect = Mock(side_effect=[FOR_GOOD, None])
    script(FOUND, FOUND, apply=effect)
    task = make_run(fallback_agent=substitute)
    assert run(task) == "fallback_ready"
    assert task.artifacts.count() == 0
    assert run(task) == "succeeded_degraded"
    assert (task.artifacts.count(), effect.call_count) == (1, 2)


def test_a_result_that_cannot_be_written_down_is_a_failure_not_a_crash(script):
    script(StepResult({"handle": object()}))
    task = make_run()
    assert run(task) == "escalated"
    assert attempts(task) == [(1, "original", "failed")]


# ------------------------------------------------------------------ the sweep


def test_a_lease_that_was_never_set_is_lost_too(script):
    task = make_run()
    script(FOUND)
    claim(task, "worker")
    task.lease_expires_at = None
    task.save()
    assert sweep().lost == 1
    assert run(task) == "succeeded"


def test_a_ready_task_nobody_heard_of_is_rung_again(script, time, rung):
    task = make_run()
    rung.clear()
    assert (sweep().rung, rung) == (0, [])
    time.pass_time(seconds=11)
    assert (sweep().rung, rung) == (1, [task.pk])


def test_while_every_worker_is_busy_bells_do_not_pile_up(script, time, rung):
    make_run()
    for _ in range(60):
        time.pass_time(seconds=5)
        sweep()
    assert len(rung) == 5


def test_two_sweeps_do_no_more_than_one(script, time):
    script(BRIEFLY)
    task = make_run()
    run(task)
    time.pass_time(minutes=5)
    before = (sweep().retried, rows_about(task.plan))
    assert before[0] == 1
    assert (sweep().retried, rows_about(task.plan)) == (0, before[1])


def test_the_lease_is_a_minute_and_a_beat_extends_it(script, time):
    leases = []
    task = make_run()

    def beat(context):
        time.pass_time(seconds=50)
        context.progress(50, "half")
        task.refresh_from_db()
        leases.append(task.lease_expires_at - time.now)
        return FOUND

    script(beat)
    run(task)
    assert leases == [timedelta(seconds=60)]
