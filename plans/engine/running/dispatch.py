"""From a committed row to a worker. The message carries one task's key; the row says what is to be done."""

from __future__ import annotations

import logging

from celery import current_app
from kombu.exceptions import OperationalError

from gtm.core import events

logger = logging.getLogger(__name__)


def ring_worker(event: events.TaskReady) -> bool:
    """Send the bell; whether the broker took it. One that is down is no error: the sweep rings again."""
    try:
        current_app.send_task("plans.tasks.run_task", kwargs={"task_pk": event.task_pk}, queue=event.queue)
    except OperationalError as error:
        logger.warning("the broker is not there (%s); the sweep will dispatch task %s", error, event.task_pk)
        return False
    return True
