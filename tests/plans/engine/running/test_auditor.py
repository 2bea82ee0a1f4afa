"""The watchdog: late cases, the heartbeat, and a sweep that stood still."""

import json

import pytest
from django.test import RequestFactory

from gtm import probes
from gtm.core.errors import GuardNotMet
from gtm.core.models import ChangeLogEntry
from plans.engine.escalation import ladder
from plans.engine.running import auditor, sweep
from tests.factories import PersonFactory, make_plan

pytestmark = pytest.mark.usefixtures("acting")


@pytest.fixture
def case():
    for role in ("finance", "strategist", "legal", "sponsor"):
        PersonFactory(roles=[role])
    return ladder.open_case(make_plan(), "negative-roi", "The return is negative")


def test_all_well_beats(case, time):
    sweep.sweep()
    assert auditor.last_beat() == time()


def test_a_case_that_does_not_move_is_restarted_once_and_stops_the_heartbeat(case, time, monkeypatch):
    sweep.sweep()
    beat = auditor.last_beat()
    time.pass_time(days=1, minutes=6)

    def stuck(case, now):
        raise GuardNotMet("Stuck.")

    monkeypatch.setattr(ladder, "climb", stuck)
    ladder.fire_due(time())
    assert [auditor.check(time()), auditor.check(time())] == [1, 1]
    assert ChangeLogEntry.objects.filter(event="restarted by the watchdog").count() == 1
    assert auditor.last_beat() == beat


def test_a_late_case_that_can_move_is_set_going_by_the_restart(case, time):
    time.pass_time(days=1, minutes=6)
    assert auditor.check(time()) == 1
    case.refresh_from_db()
    assert case.rung == 2
    assert auditor.check(time()) == 0


def test_a_sweep_that_stood_still_is_an_escalation_of_the_plans_that_missed_something_once(case, time):
    untouched = make_plan()
    round_due = untouched.approvals.get()
    round_due.due_at = time().replace(year=2027)
    round_due.save()
    sweep.sweep()
    time.pass_time(days=3)
    sweep.sweep()
    sweep.sweep()
    assert case.plan.escalations.filter(trigger="engine-stalled").count() == 1
    assert untouched.escalations.filter(trigger="engine-stalled").count() == 0


def test_readiness_shows_a_sweep_that_stands_still(case, time, monkeypatch):
    for part in ("_broker", "_workers"):
        monkeypatch.setattr(probes, part, lambda: "ok")

    def ready():
        answer = probes.readyz(RequestFactory().get("/readyz"))
        return answer.status_code, json.loads(answer.content)["sweep"]

    assert ready() == (503, "has not run yet")
    sweep.sweep()
    assert ready() == (200, "ok")
    time.pass_time(minutes=7)
    assert ready() == (503, "last all well 7 minutes ago")
