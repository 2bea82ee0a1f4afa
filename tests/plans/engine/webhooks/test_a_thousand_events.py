"""1,000 events, a receiver that fails a third of the time, and a sender that is killed: nothing is lost."""

import os
import signal
import subprocess
import sys
from collections import defaultdict
from contextlib import contextmanager

import pytest
from django.conf import settings as site_settings

from gtm.core.actors import Actor, acting_as
from gtm.core.fsm import perform
from gtm.core.models import ChangeLogEntry
from plans.models import WebhookDelivery
from plans.schemas import webhook_events as types
from tests.conftest import ROOT, database_url, wait_until
from tests.factories import make_plan
from tests.plans.engine.webhooks.conftest import subscribe
from tests.plans.engine.webhooks.receiver import receiving

PLANS, PAUSES = 20, 25
EVENTS = PLANS * PAUSES * 2


def fails_a_third(number):
    """Every third request: refused, left without an answer, asked to come back later."""
    return 204 if number % 3 else (500, None, 503)[number // 3 % 3]


@contextmanager
def sender(host, log):
    """A process that sends. It is killed without a word at the end."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "gtm.settings",
        "DATABASE_URL": database_url(),
        "SECRET_KEY": site_settings.SECRET_KEY,
        "GTM_PRIVATE_WEBHOOK_HOSTS": host,
    }
    with log.open("ab") as output:
        command = [sys.executable, "-m", "tests.plans.engine.webhooks.sender"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.fixture
def plans(transactional_db):
    with acting_as(Actor.system("Test")):
        return [make_plan() for _ in range(PLANS)]


def test_nothing_is_lost_and_nothing_is_out_of_order_within_a_plan(plans, settings, tmp_path):
    log = tmp_path / "sender.log"
    with receiving(answer=fails_a_third) as site:
        with acting_as(Actor.system("Test")):
            subscribe(site, settings, events=[types.PLAN_MOVED])
            for _ in range(PAUSES):
                for plan in plans:
                    perform(plan, "pause", comment="Lunch")
                    perform(plan, "resume", comment="Back")
        for reached in (EVENTS // 4, EVENTS // 2):
            with sender(site.host, log):
                wait_until(lambda reached=reached: len(site.once) >= reached, seconds=120)
        with sender(site.host, log):
            wait_until(lambda: len(site.once) >= EVENTS, seconds=120)
            wait_until(lambda: not WebhookDelivery.objects.exclude(state="sent").exists(), seconds=30)
    assert (len(site.once), site.forged) == (EVENTS, 0), log.read_text()
    assert site.requests >= EVENTS * 1.4

    came = defaultdict(list)
    for event in site.taken:
        came[event["subject"]].append(int(event["sequence"]))
    assert len(came) == PLANS
    for plan in plans:
        log_of_plan = ChangeLogEntry.objects.filter(
            chain=plan.change_chain(), event__in=["pause", "resume"]
        ).order_by("sequence")
        numbers = came[f"plans/{plan.plan_id}"]
        assert numbers == sorted(numbers)  # one that came twice, by a kill, came twice in its place
        assert sorted(set(numbers)) == list(log_of_plan.values_list("sequence", flat=True))
