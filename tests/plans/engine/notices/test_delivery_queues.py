"""More to tell than one pass of the outbox carries: the head of a queue starves nothing behind it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from plans.engine.notices import delivery, table
from plans.engine.stopping import ripcord
from plans.models import Notification
from tests.factories import make_plan, round_of
from tests.plans.engine.conftest import prefer

pytestmark = pytest.mark.usefixtures("acting", "mail")

MOST_QUERIES_A_NOTICE = 26
"""Of a late task with one person: the notice, what it is about, its message with history and log."""


def test_matters_that_stand_still_do_not_hold_up_what_came_after_them(finance, owner, mail, monkeypatch):
    monkeypatch.setattr(delivery, "BATCH", 2)
    mail.answers["DATA"] = "451 later"
    stopped = [make_plan() for _ in range(3)]
    for _ in stopped:
        delivery.work_off()
    for plan in stopped:
        ripcord.pull("plan", plan=plan, reason="Odd figures")
    mail.answers.clear()
    later = make_plan()
    for _ in range(6):
        delivery.work_off()
    assert [a.url for a in Notification.objects.filter(state="sent", notice__plan=later)] == [
        f"https://gtm.example.com/plans/approval/{round_of(later).pk}/change/"
    ]


def test_a_full_queue_of_a_broken_channel_does_not_starve_the_other(finance, mail, hook, time, monkeypatch):
    monkeypatch.setattr(delivery, "BATCH", 2)
    mail.answers["DATA"] = "451 later"
    for _ in range(4):
        make_plan()
    delivery.work_off(), delivery.work_off()
    prefer(finance, channels=["finance"])
    make_plan()
    delivery.work_off()
    assert len(hook.posts) == 1


def test_every_overdue_task_is_told_however_many_there_are(finance, owner, vote, time, monkeypatch):
    monkeypatch.setattr(table, "BATCH", 2)
    for _ in range(5):
        plan = make_plan()
        vote(finance, round_of(plan))
        task = plan.tasks.get(key="publish")
        task.due_at = time()
        task.save()
    time.pass_time(minutes=1)
    assert [table.tell_overdue(time()) for _ in range(4)] == [2, 2, 1, 0]


def test_overdue_tasks_are_put_into_the_outbox_and_addressed_with_few_questions_each(
    finance, owner, mail, vote, time
):
    """However many are late: what is the same for all of them is asked once."""
    asked = []
    for late in (2, 6):
        for _ in range(late):
            plan = make_plan(owner=owner)
            vote(finance, round_of(plan))
            task = plan.tasks.get(key="publish")
            task.due_at = time() + timedelta(hours=1)
            task.save()
        delivery.work_off()
        time.pass_time(hours=1)
        mail.answers["DATA"] = "451 later"
        with CaptureQueriesContext(connection) as found:
            assert delivery.work_off().made == late
        asked.append(len(found))
        mail.answers.clear()
        time.pass_time(hours=1)
        delivery.work_off()
    assert asked[1] - asked[0] <= MOST_QUERIES_A_NOTICE * 4
