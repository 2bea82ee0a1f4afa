"""Tasks that a worker under test runs."""

import time

from celery import shared_task
from django.contrib.auth.models import Group


@shared_task(name="tests.write_group", queue="steps")
def write_group(*, name: str, seconds: float = 0.0) -> None:
    """Write a row that the test can see, then be busy."""
    Group.objects.create(name=name)
    time.sleep(seconds)
