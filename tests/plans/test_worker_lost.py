"""A power cut for a real worker, with a real Redis between, and a bell that nobody heard."""

import os
import signal
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group

from gtm.core import clock, events
from gtm.core.actors import Actor, acting_as
from plans.engine.running.sweep import sweep
from plans.models import Plan
from tests.conftest import wait_until
from tests.factories import make_run
from tests.plans.worker_steps import runs

STEPS = ("--include", "tests.plans.worker_steps")


def make():
    with acting_as(Actor.system("Test")):
        return make_run()


def sweep_later(**span):
    with clock.standing_at(clock.now() + timedelta(**span)):
        return sweep()


def is_done(plan):
    return Plan.objects.filter(pk=plan.pk, state="succeeded").exists


def kill_the_worker(worker, start_worker):
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    start_worker(*STEPS)


def kill_the_process_that_computes(worker, start_worker):
    """The worker itself lives on, with a new process."""
    os.kill(int(runs().read_text()), signal.SIGKILL)


@pytest.mark.parametrize("kill", [kill_the_worker, kill_the_process_that_computes])
def test_a_task_whose_worker_is_killed_runs_again_after_the_lease_and_its_result_is_there_once(
    start_worker, kill
):
    worker = start_worker(*STEPS)
    task = make()
    wait_until(runs().is_file)
    wait_until(runs().read_text)
    kill(worker, start_worker)
    assert sweep().lost == 0  # not before its lease is over
    assert sweep_later(minutes=2).lost == 1
    wait_until(is_done(task.plan))
    task.refresh_from_db()
    assert (task.output, task.artifacts.count(), task.restarts) == ({"points": 7}, 1, 1)
    assert Group.objects.filter(name__startswith="effect").count() == 1
    told = [(a.number, a.outcome, a.error_class) for a in task.attempts.order_by("fence")]
    assert told == [(1, "lost", "infrastructure"), (1, "succeeded", "")]
    assert task.plan.tasks.get(key="sum-up").output == {"total": 7}


def test_a_crash_between_commit_and_bell_is_healed_by_the_sweep(start_worker, monkeypatch):
    with monkeypatch.context() as crash:
        crash.setattr(events._Announcement, "__call__", lambda announcement: None)
        task = make()
    runs().parent.mkdir(parents=True)
    runs().write_text("the run that never ends is over\n")
    assert sweep().rung == 0  # the bell may still be on its way
    start_worker(*STEPS)
    assert sweep_later(seconds=11).rung == 1
    wait_until(is_done(task.plan))
    assert [a.outcome for a in task.attempts.all()] == ["succeeded"]
