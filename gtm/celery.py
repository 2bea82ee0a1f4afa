"""The Celery application: ``celery -A gtm worker``. Its settings are the ``CELERY_*`` of gtm/settings.py.

The database holds what is to be done; a message is only the doorbell that says "look now".
"""

import os
from typing import Any

from celery import Celery
from celery.signals import task_prerun, worker_init
from django.db import close_old_connections

from gtm.core import tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gtm.settings")

app = Celery("gtm")
app.set_default()  # for every thread: a web server's threads would otherwise get an app without settings
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_prerun.connect
def drop_broken_connections(**_: Any) -> None:
    """Connections live on from task to task, but none that is old or that the database has closed."""
    close_old_connections()


@worker_init.connect
def send_traces(**_: Any) -> None:
    tracing.start("worker")
