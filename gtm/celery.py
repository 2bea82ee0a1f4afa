"""The Celery application: ``celery -A gtm worker``. Its settings are the ``CELERY_*`` of gtm/settings.py.

The database holds what is to be done; a message is only the doorbell that says "look now".
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gtm.settings")

app = Celery("gtm")
app.set_default()  # for every thread: a web server's threads would otherwise get an app without settings
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
