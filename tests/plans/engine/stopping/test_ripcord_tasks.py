"""What a pull does to tasks at work: grace, unknown, late results, repair, compensations; and the drill."""

import threading
import time as wall
from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.contrib.auth.models import Permission
from django.db import InterfaceError, OperationalError, connection
from kombu.exceptions import OperationalError as BrokerIsAway

from gtm.core.actors import Actor, acting_as
from gtm.core.fsm import perform
from plans.engine.escalation import ladder
from plans.engine.running import leases, runner, steps
from plans.engine.running.steps import LeaseLost
from plans.engine.stopping import ripcord, stopped_tasks
from plans.engine.stopping import undo as compensation
from plans.models import RipcordPull, TaskAttempt, TaskKind
from plans.schemas.outputs import StepResult
from tests.conftest import wait_until
from tests.factories import PersonFactory, ProgramFactory, make_plan, make_task, round_of
from tests.plans.engine.conftest import actor_of


@pytest.fixture
def releasers(acting):
    allowed = Permission.objects.filter(codename__in=["pull_ripcord", "release_ripcord"])
    found = [PersonFactory(name=name) for name in ("Rex", "Rita")]
    for person in found:
        person.accounts.get().user_permissions.set(allowed)
    return found


@pytest.fixture
def at_work(acting):
    """An automated task in a worker's hands."""
    plan = make_plan()
    task = make_task(plan, 3, "send", TaskKind.AUTOMATED)
    perform(plan, "review_again", comment="One task more.")
    perform(plan, "accept")
    perform(plan, "begin")
    task.refresh_from_db()
    attempt = leases.claim(task, "w")
    return task, attempt


def release(people, plan=None, **rest):
    for person in people:
        with acting_as(actor_of(person)):
            ripcord.release(plan, remediation="Fixed.", **rest)


def test_a_running_task_has_its_grace_time_and_is_then_suspended(at_work, time, settings):
    task, attempt = at_work
    ripcord.pull("plan", plan=task.plan, reason="Fraud.")
    time.pass_time(seconds=settings.GTM_GRACE_SECONDS - 1)
    assert (stopped_tasks.settle_overdue(time()), task.state) == (0, "running")
    time.pass_time(seconds=1)
    assert stopped_tasks.settle_overdue(time()) == 1
    task.refresh_from_db()
    attempt.refresh_from_db()
    assert (task.state, task.held_from, attempt.outcome) == ("suspended", "running", "stopped")


def test_a_task_whose_effect_had_begun_is_unknown_and_never_retried_by_itself(at_work, time, releasers):
    task, attempt = at_work
    assert leases.mark_effect(task.pk, attempt.pk)
    ripcord.pull("plan", plan=task.plan, reason="Fraud.")
    stopped_tasks.settle_overdue(time() + timedelta(hours=1))
    task.refresh_from_db()
    assert (task.state, task.escalations.get().trigger) == ("unknown", "effect-unknown")
    release(releasers, task.plan)
    task.refresh_from_db()
    assert task.state == "unknown"
    ladder.fire_due(time())
    assert task.escalations.get().firings.exists()


def test_no_effect_may_begin_after_a_pull(at_work):
    task, attempt = at_work
    ripcord.pull("program", program=task.plan.program, reason="Fraud.")
    with leases.LeaseKeeper(task, attempt) as heartbeat, pytest.raises(LeaseLost):
        heartbeat.effect("mail")
    attempt.refresh_from_db()
    assert attempt.effect_started_at is None


@pytest.mark.parametrize("gone", [OperationalError, InterfaceError])
def test_a_heartbeat_outlives_a_database_that_is_away_and_hears_of_the_stop_afterwards(
    at_work, monkeypatch, settings, gone
):
    settings.GTM_LEASE_SECONDS = 0.03
    extend = Mock(side_effect=[gone("away"), gone("still away"), True, False])
    monkeypatch.setattr(leases, "extend", extend)
    with leases.LeaseKeeper(*at_work) as heartbeat:
        wait_until(lambda: extend.call_count == 4)
        assert heartbeat._lost.wait(10)
        with pytest.raises(LeaseLost):
            heartbeat.effect("mail")


@pytest.mark.parametrize("scope", ["plan", "program", "installation"])
def test_a_running_step_is_told_to_stop_when_it_next_reports(at_work, scope):
    task, attempt = at_work
    about = {"plan": {"plan": task.plan}, "program": {"program": task.plan.program}, "installation": {}}
    with leases.LeaseKeeper(task, attempt) as heartbeat:
        heartbeat.progress(10)
        ripcord.pull(scope, reason="Fraud.", **about[scope])
        with pytest.raises(LeaseLost):
            heartbeat.progress(100)


@pytest.mark.parametrize("scope", ["program", "installation"])
def test_a_result_that_comes_after_a_wider_stop_is_kept_and_not_applied(at_work, releasers, scope):
    task, attempt = at_work
    about = {"scope": scope} | ({"program": task.plan.program} if scope == "program" else {})
    ripcord.pull(reason="Fraud.", **about)
    runner.record_success(task, attempt, StepResult(values={"sent": 5}))
    for person in releasers:
        with acting_as(actor_of(person)):
            ripcord.abort(reason="Beyond repair.", **about)
    task.refresh_from_db()
    attempt.refresh_from_db()
    assert (task.state, task.output, attempt.late_output) == ("cancelled", None, {"sent": 5})


def test_a_worker_lost_under_a_stop_is_suspended_and_started_again_by_nobody(at_work, time):
    task, attempt = at_work
    ripcord.pull("program", program=task.plan.program, reason="Fraud.")
    time.pass_time(hours=1)
    runner.recover_lost(task)
    attempt.refresh_from_db()
    assert (task.state, task.restarts, attempt.outcome) == ("suspended", 0, "stopped")


def test_a_late_result_is_kept_and_not_applied_and_the_task_is_free_again(at_work):
    task, attempt = at_work
    ripcord.pull("plan", plan=task.plan, reason="Fraud.")
    runner.record_success(task, attempt, StepResult(values={"sent": 5}))
    task.refresh_from_db()
    attempt.refresh_from_db()
    assert (attempt.outcome, attempt.late_output) == ("superseded", {"sent": 5})
    assert (task.state, task.output, task.artifacts.count()) == ("suspended", None, 0)


def test_a_stopped_attempt_is_repeated_and_neither_counted_again_nor_given_back(at_work, releasers):
    task, attempt = at_work
    ripcord.pull("plan", plan=task.plan, reason="Fraud.")
    release(releasers, task.plan)
    task.refresh_from_db()
    assert (task.state, task.attempts_used) == ("ready", 1)
    again = leases.claim(task, "w2")
    assert (again.number, task.attempts_used, again.fence > attempt.fence) == (1, 1, True)


def test_a_result_of_before_the_stop_is_not_applied_after_the_release(at_work, releasers):
    task, attempt = at_work
    ripcord.pull("plan", plan=task.plan, reason="Fraud.")
    release(releasers, task.plan)
    leases.claim(task, "w2")
    runner.record_success(task, attempt, StepResult(values={"sent": 5}))
    task.refresh_from_db()
    assert (task.state, task.output) == ("running", None)


def test_a_worker_lost_after_its_effect_began_leaves_the_task_unknown(at_work, time):
    task, attempt = at_work
    leases.mark_effect(task.pk, attempt.pk)
    time.pass_time(hours=1)
    runner.recover_lost(task)
    assert (task.state, task.escalations.get().trigger) == ("unknown", "effect-unknown")


# ------------------------------------------------------------------ program and installation


def test_a_pulled_program_is_held_its_tasks_wait_and_a_release_sets_all_going(releasers):
    program = ProgramFactory()
    perform(program, "activate")
    plan = make_plan(program=program)
    ripcord.pull("program", program=program, reason="Breach.")
    program.refresh_from_db()
    assert (program.state, plan.tasks.get(key="sign-off").state) == ("held", "suspended")
    release(releasers, scope="program", program=program)
    program.refresh_from_db()
    assert (program.state, plan.tasks.get(key="sign-off").state) == ("active", "awaiting_approval")


def test_a_plan_begun_under_a_pulled_program_waits_for_the_release(releasers):
    plan = make_plan()
    ripcord.pull("program", program=plan.program, reason="Breach.")
    task = make_task(plan, 3, "send", TaskKind.AUTOMATED)
    perform(plan, "review_again", comment="One task more.")
    perform(plan, "accept")
    perform(plan, "begin")
    task.refresh_from_db()
    assert task.state == "pending"
    release(releasers, scope="program", program=plan.program)
    task.refresh_from_db()
    assert task.state == "ready"


@pytest.mark.parametrize("scope", ["program", "installation"])
def test_a_pull_interrupted_after_its_row_is_finished_by_the_sweep(acting, time, scope):
    plan = make_plan()
    row = RipcordPull(scope=scope, program=plan.program if scope == "program" else None, reason="Breach.")
    row.save()
    assert ripcord.repair() == 1
    assert (round_of(plan).state, plan.tasks.get(key="sign-off").state) == ("frozen", "suspended")
    assert ripcord.repair() == 0


def test_a_release_interrupted_after_its_row_is_finished_by_the_sweep(releasers):
    plan = make_plan()
    row = ripcord.pull("installation", reason="Breach.")
    with acting_as(actor_of(releasers[0])):
        perform(row, "release", comment="Fixed.")
    assert ripcord.repair() == 1
    assert plan.tasks.get(key="sign-off").state == "awaiting_approval"
    assert round_of(plan).state != "frozen"
    assert ripcord.repair() == 0


# ------------------------------------------------------------------ abort


@pytest.fixture
def undone(monkeypatch):
    """Compensations that write down what they undid; "broken" ones fail."""
    seen, broken = [], set()

    def undo(key):
        def act(plan, values):
            if key in broken:
                raise ConnectionError("gone")
            seen.append((key, values))

        return act

    for key in ("work", "publish"):
        monkeypatch.setitem(steps._compensations, ("p:c", key), undo(key))
    return seen, broken


@pytest.fixture
def published(acting):
    plan = make_plan()
    publish = plan.tasks.get(key="publish")
    publish.needs.set([])
    perform(plan, "review_again", comment="No gate.")
    perform(plan, "accept")
    perform(plan, "begin")
    publish.refresh_from_db()
    perform(publish, "complete", set_fields={"output": {"where": "shop"}})
    ripcord.pull("plan", plan=plan, reason="Fraud.")
    return plan


def abort(plan, people):
    for person in people:
        with acting_as(actor_of(person)):
            ripcord.abort(plan, reason="Beyond repair.")
    plan.refresh_from_db()
    return plan.state


def test_an_abort_undoes_what_had_succeeded_in_reverse_order_once(published, releasers, undone):
    seen, _ = undone
    assert abort(published, releasers) == "aborted"
    assert seen == [("publish", {"where": "shop"}), ("work", {"points": "100"})]
    compensation.finish_abort(published)
    assert len(seen) == 2


def test_a_compensation_that_fails_stops_the_abort_and_goes_on_once_people_have_resolved_it(
    published, releasers, undone
):
    seen, broken = undone
    broken.add("work")
    assert abort(published, releasers) == "aborting"
    case = published.escalations.get(trigger="compensation-failed")
    assert (compensation.sweep(), [key for key, _ in seen]) == (0, ["publish"])
    broken.clear()
    perform(case, "cancel", comment="Repaired.")
    assert compensation.sweep() == 1
    published.refresh_from_db()
    assert (published.state, [key for key, _ in seen]) == ("aborted", ["publish", "work"])


# ------------------------------------------------------------------ the drill

RUNNING, PATIENCE = 20, 1.0


@pytest.mark.django_db(transaction=True)
def test_with_twenty_tasks_running_and_broker_and_mail_down_no_effect_starts_after_a_second(
    monkeypatch, settings
):
    settings.EMAIL_BACKEND = "nowhere.Backend"

    def refuse(*args, **kwargs):
        raise BrokerIsAway("no broker")

    monkeypatch.setattr("celery.current_app.send_task", refuse)
    effects: list[float] = []
    stop = threading.Event()

    def busy(context):
        while not stop.is_set():
            context.effect("send")
            effects.append(wall.monotonic())
            stop.wait(0.1)
        return StepResult()

    tasks = []
    with acting_as(Actor.system("Test")):
        plan = make_plan()
        for number in range(RUNNING):
            task = make_task(plan, 20 + number, f"send-{number}", TaskKind.AUTOMATED)
            monkeypatch.setitem(steps._steps, ("p:c", task.key), (busy, ""))
            tasks.append(task)
        perform(plan, "review_again", comment="Twenty tasks more.")
        perform(plan, "accept")
        perform(plan, "begin")

    def work(pk):
        try:
            with acting_as(Actor.system("Runner")):
                runner.run_task(pk, worker="drill")
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[task.pk], daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    marked = TaskAttempt.objects.filter(task__plan=plan, effect_started_at__isnull=False)
    wait_until(lambda: marked.count() == RUNNING, seconds=60)
    with acting_as(Actor.system("Trigger")):
        ripcord.pull("plan", plan=plan, reason="Drill.", trigger="drill")
    pulled = wall.monotonic()
    wall.sleep(PATIENCE + 0.5)
    stop.set()
    for thread in threads:
        thread.join(30)
    assert max(effects) - pulled <= PATIENCE
    assert len(effects) >= RUNNING
    states = plan.tasks.filter(key__startswith="send").values_list("state", flat=True)
    assert set(states) == {"unknown"}
