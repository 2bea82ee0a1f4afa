"""Anchors in between: at each approval, stop and end of a plan, so that no decision waits a day for one."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from celery import current_app
from kombu.exceptions import OperationalError

from gtm.core import events
from plans.models import FINAL_PLAN_STATES

logger = logging.getLogger(__name__)

STATE = "state"


@dataclass(frozen=True, slots=True)
class AnchorWanted:
    """Something happened that should not be deniable tomorrow."""


def record(event: events.Recorded) -> None:
    """Subscriber, inside the transaction of the change: ask for an anchor after the commit."""
    row = (event.obj._meta.label_lower, event.event)
    has_ended = row[0] == "plans.plan" and event.field == STATE and event.obj.state in FINAL_PLAN_STATES
    if has_ended or row in (("plans.approval", "approve"), ("plans.ripcordpull", "created")):
        events.publish_on_commit(AnchorWanted())


def ring(event: AnchorWanted) -> None:
    """Without a broker the daily anchor stands for this one."""
    try:
        task = "gtm.core.tasks.anchor_changelog"
        current_app.send_task(task, kwargs={"tell_auditors": False}, queue="control")
    except OperationalError as error:
        logger.warning("the broker is not there (%s); the daily anchor will do", error)
