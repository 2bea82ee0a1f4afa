"""Celery entry points. A message names a row; the engine decides what there is to do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery import shared_task
from celery.signals import worker_init

from gtm.core.actors import Actor, acting_as
from plans.engine.notices import delivery
from plans.engine.record import around
from plans.engine.running import forecasts, runner, steps
from plans.engine.running import sweep as sweeper
from plans.engine.webhooks import incoming
from plans.engine.webhooks import outbox as webhooks
from plans.export import files
from plans.runs import schedules

MOVED_JUST_NOW = timedelta(minutes=2)
"""How far back the pass of each second looks; the sweep looks back a day."""


@worker_init.connect
def load_steps(sender: Any, **_: Any) -> None:
    """Before a worker of steps forks: its children share the analytics in memory, and none waits for them.

    A worker of the control queue alone computes nothing and loads none.
    """
    if "steps" in sender.app.amqp.queues.consume_from:
        steps.load_all()


@shared_task(bind=True, name="plans.tasks.run_task")
def run_task(self: Any, *, task_pk: int) -> None:
    with acting_as(Actor.system("Runner", request_id=self.request.id or "")):
        runner.run_task(task_pk, worker=self.request.hostname or "worker")


@shared_task(name="plans.tasks.look_ahead")
def look_ahead(*, plan_pk: int) -> None:
    with acting_as(Actor.system("Forecast")):
        forecasts.make(plan_pk)


@shared_task(name="plans.tasks.sweep")
def sweep() -> None:
    sweeper.sweep()
    around.carry_waiting()
    files.write_behind(patience=files.PATIENCE)
    files.seal_earlier()
    schedules.fire_due(unheard_for=schedules.UNHEARD_AFTER)


@shared_task(name="plans.tasks.write_plans")
def write_plans() -> None:
    files.write_behind(since=MOVED_JUST_NOW, patience=files.PATIENCE)


@shared_task(name="plans.tasks.send_notices")
def send_notices() -> None:
    """The outbox: messages to people first, then events to programs."""
    delivery.work_off()
    webhooks.work_off()


@shared_task(name="plans.tasks.load_received")
def load_received() -> None:
    """On a worker of steps: it reads rows."""
    incoming.load_waiting()


@shared_task(name="plans.tasks.run_schedules")
def run_schedules() -> None:
    schedules.fire_due()
