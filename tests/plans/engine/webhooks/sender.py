"""A process that does nothing but send webhooks, as a control worker does, with the waits of a test."""

import time
from datetime import timedelta

import django

django.setup()

from django.db import connections  # noqa: E402 - models exist only now

from plans.engine.webhooks import outbox  # noqa: E402

outbox.FIRST_WAIT = timedelta(milliseconds=2)
outbox.TAKEN_FOR = timedelta(seconds=1)
outbox.SECONDS_A_PASS = 2.0

while True:
    outbox.work_off()
    connections.close_all()
    time.sleep(0.005)
