"""A real worker in another process, on the test database, with a real Redis between."""

import os
import signal

import pytest
from celery.exceptions import QueueNotFound
from django.contrib.auth.models import Group
from django.db import transaction

from gtm.celery import app
from tests.conftest import wait_until
from tests.gtm.worker_tasks import write_group


def test_a_worker_runs_what_was_published_on_commit(start_worker):
    start_worker("--include", "tests.gtm.worker_tasks")
    with transaction.atomic():
        transaction.on_commit(lambda: write_group.delay(name="written by the worker"))
    wait_until(Group.objects.filter(name="written by the worker").exists)


def test_killing_the_worker_keeps_what_it_committed_and_the_next_one_goes_on(start_worker):
    worker = start_worker("--include", "tests.gtm.worker_tasks")
    write_group.delay(name="first", seconds=600)
    wait_until(Group.objects.filter(name="first").exists)
    os.killpg(worker.pid, signal.SIGKILL)
    assert worker.wait() == -signal.SIGKILL
    start_worker("--include", "tests.gtm.worker_tasks")
    write_group.delay(name="second")
    wait_until(Group.objects.filter(name="second").exists)
    assert list(Group.objects.values_list("name", flat=True).order_by("name")) == ["first", "second"]


def test_a_queue_nobody_reads_is_refused_where_it_is_named(redis_broker):
    with pytest.raises(QueueNotFound):
        write_group.apply_async(kwargs={"name": "x"}, queue="stepps")


def test_the_sweep_rings_every_five_seconds_on_the_control_queue():
    entry = app.conf.beat_schedule["sweep"]
    assert (entry["task"], entry["schedule"], entry["options"]["queue"]) == (
        "plans.tasks.sweep",
        5.0,
        "control",
    )
