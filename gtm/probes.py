"""What machines ask the site: is it alive, is it ready, how is it doing. No login: keep them inside."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable

from celery import current_app
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gtm.core import clock
from gtm.core.errors import GtmError
from gtm.core.places import objects
from plans.engine.running import auditor
from plans.selectors import count_by_state, oldest_waiting

logger = logging.getLogger(__name__)
OK = "ok"
PROBED = "ready"
"""A name that need not be there: the store is asked whether it is."""
BROKER_SECONDS = 1.0
WORKER_SECONDS = 0.5


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer that this process serves requests, and no more: a slow database must not restart it."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 where a plan would be taken in and run, else 503 and which part is missing."""
    parts = {"database": _database(), "broker": _broker()}
    parts["workers"] = _workers() if parts["broker"] == OK else "unknown while the broker is away"
    parts["files"] = _files()
    parts["sweep"] = _sweep() if parts["database"] == OK else "unknown while the database is away"
    ready = all(found == OK for found in parts.values())
    return JsonResponse({"ready": ready, **parts}, status=200 if ready else 503)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text: counts by state and the age of what has waited longest."""
    registry = CollectorRegistry()
    registry.register(Governance())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class Governance(Collector):
    """Reads the database when scraped, with the same few queries whatever there is."""

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        for name, counts in count_by_state().items():
            family = GaugeMetricFamily(f"gtm_{name}", f"{name.capitalize()} by state", labels=["state"])
            for state, number in counts.items():
                family.add_metric([state], number)
            yield family
        waiting = GaugeMetricFamily(
            "gtm_oldest_waiting_seconds",
            "Age of what has waited longest, 0 for nothing",
            labels=["what"],
        )
        for what, seconds in oldest_waiting().items():
            waiting.add_metric([what], seconds)
        yield waiting
        beat = auditor.last_beat()
        age = (clock.now() - beat).total_seconds() if beat else float("inf")
        yield GaugeMetricFamily(
            "gtm_sweep_age_seconds", "Since the last sweep that found all well; infinite before one", age
        )


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        logger.warning("not ready: %s", error)
        return "does not answer"
    return OK


def _files() -> str:
    """Data sets and plan JSON can be kept: the object store answers, or the folders can be written."""
    for store in (objects.data, objects.plans):
        try:
            if store.is_folder:
                folder = store.path("")
                folder.mkdir(parents=True, exist_ok=True)
                if not os.access(folder, os.W_OK):
                    return f"the folder of “{store.alias}” cannot be written"
            else:
                store.has(PROBED)
        except (GtmError, OSError) as error:
            logger.warning("not ready: %s", error)
            return "do not answer"
    return OK


def _broker() -> str:
    try:
        with current_app.connection_for_write(connect_timeout=BROKER_SECONDS) as broker:
            broker.ensure_connection(max_retries=1, timeout=BROKER_SECONDS)
    except OperationalError as error:
        logger.warning("not ready: %s", error)
        return "does not answer"
    return OK


def _sweep() -> str:
    """Due times are kept only while somebody sweeps; the heartbeat stops with the first case that is late."""
    beat = auditor.last_beat()
    if beat is None:
        return "has not run yet"
    age = clock.now() - beat
    return OK if age <= auditor.LATE_AFTER else f"last all well {age.total_seconds() / 60:.0f} minutes ago"


def _workers() -> str:
    """Every queue needs somebody who listens: "control" keeps the time, "steps" computes."""
    try:
        answers = current_app.control.inspect(timeout=WORKER_SECONDS).active_queues() or {}
    except OperationalError as error:
        logger.warning("not ready: %s", error)
        return "do not answer"
    heard = {queue["name"] for queues in answers.values() for queue in queues}
    missing = sorted(queue.name for queue in current_app.conf.task_queues if queue.name not in heard)
    return f"no worker listens to {', '.join(missing)}" if missing else OK
