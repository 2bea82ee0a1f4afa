"""Bells: what is rung exists, and without a broker nothing is lost."""

import pytest
from celery import current_app
from django.conf import settings
from django.core import mail
from kombu.exceptions import OperationalError

from gtm.celery import app
from gtm.core.models import Anchor
from gtm.core.tasks import anchor_changelog, deliver_anchors
from plans.tasks import send_notices
from tests.factories import PersonFactory, make_plan

pytestmark = pytest.mark.usefixtures("acting")


@pytest.fixture
def rung(monkeypatch):
    calls = []
    monkeypatch.setattr(
        type(current_app._get_current_object()), "send_task", lambda _, name, **kw: calls.append(name)
    )
    return calls


def test_everything_beat_and_the_bells_name_is_a_task():
    app.loader.import_default_modules()
    rung = {"plans.tasks.send_notices", "plans.tasks.run_schedules", "gtm.core.tasks.anchor_changelog"}
    assert rung | {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= set(app.tasks)


def test_a_decision_that_is_asked_rings_after_the_commit_and_the_task_sends(
    rung, django_capture_on_commit_callbacks
):
    PersonFactory(roles=["finance"])
    with django_capture_on_commit_callbacks(execute=True):
        make_plan()
        assert rung == []
    assert "plans.tasks.send_notices" in rung
    send_notices()
    assert [message.subject for message in mail.outbox] == ["Your decision is needed: Sign-off"]


def test_without_a_broker_the_next_pass_sends(monkeypatch, django_capture_on_commit_callbacks, caplog):
    def away(*args, **kwargs):
        raise OperationalError("away")

    monkeypatch.setattr(type(current_app._get_current_object()), "send_task", away)
    PersonFactory(roles=["finance"])
    with django_capture_on_commit_callbacks(execute=True):
        make_plan()
    assert "the sweep will send the notices" in caplog.text
    send_notices()
    assert len(mail.outbox) == 1


def test_the_daily_task_anchors_and_the_other_carries_what_has_not_arrived(settings, monkeypatch):
    settings.GTM_AUDITORS = ["channel:audit"]
    anchor_changelog()
    copy = Anchor.objects.get().copies.get(place="channel:audit")
    assert (copy.attempts, copy.delivered_at) == (1, None)
    deliver_anchors()
    copy.refresh_from_db()
    assert (copy.attempts, copy.error) == (2, "Channel audit: no channel of this name is set up.")
