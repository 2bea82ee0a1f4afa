"""From a committed row to a worker: every bell the engine rings, and which change asks for an anchor.

A message names at most a row; the rows say what is to be done. So a broker that is down is no error: the
sweep, or the daily anchor, does later what the bell would have had done now.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from celery import current_app
from kombu.exceptions import OperationalError

from gtm.core import events
from plans.models import FINAL_PLAN_STATES

logger = logging.getLogger(__name__)

STATE = "state"


@dataclass(frozen=True, slots=True)
class AnchorWanted:
    """Something happened in this chain that should not be deniable tomorrow."""

    chain: str


def ring_worker(event: events.TaskReady) -> bool:
    """A task is ready; whether the broker took the message."""
    told = {"task_pk": event.task_pk}
    return _ring("plans.tasks.run_task", event.queue, told, f"the sweep will dispatch task {event.task_pk}")


def ring_forecast(plan_pk: int) -> bool:
    """The look ahead of a plan is due; whether the broker took the message."""
    return _ring("plans.tasks.look_ahead", "steps", {"plan_pk": plan_pk}, "the sweep will ask again")


def ring_outbox(event: Any) -> None:
    """A notice waits to be sent."""
    _ring("plans.tasks.send_notices", "control", {}, "the sweep will send the notices")


def ring_received() -> None:
    """A signed message from outside waits to be loaded."""
    _ring("plans.tasks.load_received", "steps", {}, "the next pass will load it")


def ring_anchor(event: AnchorWanted) -> None:
    told = {"tell_auditors": False, "wanted_by": event.chain}
    _ring("gtm.core.tasks.anchor_changelog", "control", told, "the daily anchor will do")


def want_anchor(event: events.Recorded) -> None:
    """Subscriber, inside the transaction of the change: approvals, stops and ends of plans ask for an anchor
    after the commit, so that no decision waits a day for one."""
    row = (event.obj._meta.label_lower, event.event)
    has_ended = row[0] == "plans.plan" and event.field == STATE and event.obj.state in FINAL_PLAN_STATES
    if has_ended or row in (("plans.approval", "approve"), ("plans.ripcordpull", "created")):
        events.publish_on_commit(AnchorWanted(event.chain))


def _ring(task: str, queue: str, told: dict[str, Any], otherwise: str) -> bool:
    try:
        current_app.send_task(task, kwargs=told, queue=queue)
    except OperationalError as error:
        logger.warning("the broker is not there (%s); %s", error, otherwise)
        return False
    return True
