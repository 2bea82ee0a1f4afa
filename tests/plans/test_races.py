"""Workers at the same instant: one message, one run, one chain of anchors."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.db import connection

from gtm.core.actors import Actor, acting_as
from gtm.core.clock import now, standing_at
from gtm.core.evidence import anchors, changelog
from gtm.core.models import Anchor
from plans.engine.notices import delivery
from plans.models import Notification, Plan, Schedule
from plans.runs import schedules
from tests.factories import PersonFactory, ProgramFactory, RoleFactory, UserFactory, make_plan

WORKERS = 4
pytestmark = pytest.mark.django_db(transaction=True)


def at_once(act):
    """What each of several threads answered that ran ``act`` at the same moment."""
    start = threading.Barrier(WORKERS)

    def run():
        start.wait()
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        return [future.result() for future in [pool.submit(run) for _ in range(WORKERS)]]


def test_several_workers_on_one_outbox_send_each_message_once():
    with acting_as(Actor.system("Test")):
        people = [PersonFactory(roles=["finance"]) for _ in range(3)]
        make_plan(), make_plan()
    passes = at_once(delivery.work_off)
    passes.append(delivery.work_off())
    assert (sum(p.made for p in passes), sum(p.sent for p in passes)) == (6, 6)
    assert sorted(message.to[0] for message in mail.outbox) == sorted(2 * [p.email for p in people])
    assert set(Notification.objects.values_list("state", "attempts")) == {("sent", 1)}


def test_several_schedulers_start_each_due_time_once(watch_command):
    owner = UserFactory()
    owner.user_permissions.add(Permission.objects.get(codename="operate_plan"))
    with acting_as(Actor.system("Test")), standing_at(now() - timedelta(hours=3)):
        RoleFactory(slug="watcher")
        PersonFactory(user=owner)
        Schedule(
            name="hourly", command="monitor-test", program=ProgramFactory(), owner=owner,
            crontab="0 * * * *", catch_up="catch_up",
        ).save()  # fmt: skip
    assert sum(at_once(schedules.fire_due)) == 3
    assert Plan.objects.count() == 3
    assert set(Schedule.objects.get().runs.values_list("state", flat=True)) == {"started"}


def test_several_schedulers_refuse_each_due_time_once(watch_command):
    """Its owner may not start plans any more: whoever comes second leaves it as it is."""
    with acting_as(Actor.system("Test")), standing_at(now() - timedelta(hours=3)):
        Schedule(
            name="hourly", command="monitor-test", program=ProgramFactory(), owner=UserFactory(),
            crontab="0 * * * *", catch_up="catch_up",
        ).save()  # fmt: skip
    assert sum(at_once(schedules.fire_due)) == 0
    assert set(Schedule.objects.get().runs.values_list("state", flat=True)) == {"refused"}


def test_anchors_made_at_once_follow_one_another():
    with acting_as(Actor.system("Test")):
        RoleFactory()
    at_once(lambda: anchors.anchor().number)
    assert list(Anchor.objects.values_list("number", flat=True)) == [1, 2, 3, 4]
    assert anchors.compare(anchors.read_file(anchors.file_path())) == []
    assert [changelog.verify_chain("installation"), anchors.verify(anchors.stored())] == [[], []]
