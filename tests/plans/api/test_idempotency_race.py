"""One Idempotency-Key from many callers at the same instant."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from rest_framework.test import APIClient

from plans.models import Plan, Task
from tests.doors import INPUTS, build, url, user


@pytest.mark.django_db(transaction=True)
def test_one_key_from_many_threads_starts_one_run(transactional_db, purchases):
    together = threading.Barrier(4)
    build(purchases)
    path = url("commands/plan-loyalty/runs/")
    account = user("ops")

    def post(_):
        client = APIClient()
        client.force_authenticate(account)
        together.wait()
        try:
            return client.post(path, {"inputs": INPUTS}, format="json", HTTP_IDEMPOTENCY_KEY="race")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(post, range(4)))
    assert [answer.status_code for answer in answers] == [202] * 4
    assert {answer.json()["plan_id"] for answer in answers} == {Plan.objects.get().plan_id}
    assert Task.objects.count() == 9
