"""Limits of the monitoring plan held as often as a runbook says, and no reading counted twice."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError

from gtm.core import clock
from plans.commands.launch_program.report import standing_and_outlook
from plans.commands.launch_program.steps.watching import how_often, next_look, span_on, spans_of
from plans.engine.notices import addressing
from plans.engine.running import forecasts
from plans.engine.running.sweep import sweep
from plans.models import Breach, Notice, Plan, Reading, RipcordPull
from plans.selectors import looks_of
from programs import services
from programs.datasets.loading import ingest as loading
from programs.datasets.loading.ingest import ingest
from programs.models import Program, Runbook, RunbookAlert
from programs.schemas.launch_events import LookSpan
from tests.plans.commands.launch_program.test_program import IN_TIME, approve, people_work
from tests.plans.conftest import decide, output_of, start

LAUNCH = date(2026, 4, 15)
HOURLY = [{"from_day": "0", "until_day": "1", "every_hours": "1", "window": "7d"}]
SPANS = [LookSpan(0, 0, 1, "7d"), LookSpan(1, 3, 24, "7d"), LookSpan(7, 7, 5, "30d")]


# ------------------------------------------------------------------ when


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-04-15 09:12", "2026-04-15 10:00"),
        ("2026-04-15 10:00", "2026-04-15 11:00"),
        ("2026-04-15 23:01", "2026-04-16 00:00"),
        ("2026-04-16 00:00", "2026-04-17 00:00"),
        ("2026-04-18 12:00", "2026-04-22 00:00"),  # nothing on the days between
        ("2026-04-22 19:59", "2026-04-22 20:00"),
        ("2026-04-22 20:00", None),
    ],
)
@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/St_Johns", "Asia/Kolkata"])
def test_the_next_look_is_on_the_hour_of_the_program(now, then, zone):
    place = ZoneInfo(zone)
    found = next_look(SPANS, LAUNCH, datetime.fromisoformat(now).replace(tzinfo=place), place)
    assert (found and f"{found.astimezone(place):%Y-%m-%d %H:%M}") == then


def test_a_day_of_25_hours_has_25_looks():
    place, day = ZoneInfo("America/St_Johns"), date(2026, 11, 1)
    at, seen = datetime(2026, 11, 1, tzinfo=place).astimezone(UTC), []
    while (at := next_look([LookSpan(0, 0, 1, "7d")], day, at, place)) is not None:
        seen.append(at)
    assert len({*seen}) == 24  # and the one at midnight, where it began
    assert {later - earlier for earlier, later in zip(seen, seen[1:], strict=False)} == {timedelta(hours=1)}


def test_of_two_runbooks_the_one_that_looks_more_often_counts():
    slow = [HOURLY[0] | {"every_hours": 6}]
    facts = {"runbooks": {"": {"looks": []}, "sms": {"looks": HOURLY}, "web": {"looks": slow}}}
    assert span_on(1, spans_of({"channels": ["web", "sms"]}, facts)).every_hours == 1
    assert how_often(spans_of({"channels": ["web"]}, facts)) == "every 6 hours on days 0 to 1 over 7 days"
    standard = spans_of({"channels": []}, facts)
    assert how_often(standard) == "every hour on day 0 over 7 days, once a day on days 1 to 30 over 7 days"


@pytest.mark.parametrize(
    ("looks", "said"),
    [
        ([HOURLY[0] | {"every_hours": 0}], "Look 1: every_hours must be a whole number from 1 to 24."),
        ([HOURLY[0] | {"from_day": 3}], "A look from day 3 cannot end before it, on day 1."),
        ([*HOURLY, HOURLY[0] | {"from_day": 1, "until_day": 9}], "Day 1 has two looks: one ends on day 1."),
        ([HOURLY[0] | {"window": "1h"}], "Look 1: window must be one of 7d, 30d, 90d."),
        ("hourly", "Write each look as lines of “name: value”, the first after a dash."),
    ],
)
@pytest.mark.usefixtures("organisation")
def test_looks_that_cannot_be_read_are_refused_in_words(looks, said):
    runbook = Runbook.objects.get(channel="")
    runbook.looks = looks
    with pytest.raises(ValidationError) as refused:
        runbook.full_clean()
    assert refused.value.message_dict["looks"] == [said]


# ------------------------------------------------------------------ a launch that is live


def loaded(tmp_path, until, won_a_day, a_day=400):
    """So many invitations a day from the launch to the day ``until``, and so many of them won."""
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(
        ["referral_id", "referrer_id", "invited_at", "submitted_at", "won_at", "revenue", "reward"]
    )
    days = (until - LAUNCH).days + 1
    for n in range(days * a_day):
        day = LAUNCH + timedelta(days=n // a_day)
        won = n % a_day < won_a_day
        lines.writerow([f"r{n}", f"a{n % 70}", f"{day} 01:00", f"{day} 02:00", f"{day} 03:00" if won else "",
                        "100.00" if won else "", "10.00" if won else ""])  # fmt: skip
    taken_in(tmp_path / f"{until}-{won_a_day}.csv", text.getvalue())


def taken_in(path, text):
    path.write_text(text)
    program = Program.objects.get(name="Customer Advocates")
    series = "replace" if program.datasets.filter(kind="referrals").exists() else ""
    services.load_dataset("referrals", [path], program=program, series=series, currency=program.currency)


@pytest.fixture
def live(organisation, monkeypatch):
    """A launch of the demo that has gone live on its day at 09:00, with hourly looks on two days."""
    monkeypatch.setattr(loading, "ingest", ingest)  # the organisation reads one file, whichever is given
    every = Runbook.objects.get(channel="")
    every.looks = HOURLY
    every.full_clean()
    every.save()
    fraud = RunbookAlert.objects.get(key="fraud-spike")
    fraud.threshold = ""
    fraud.save()
    plan = approve(people_work(start(IN_TIME)))
    decide(plan, "go-no-go", "exec")
    with moment(0, 9):
        sweep()
        people_work(plan)
    return Plan.objects.get(pk=plan.pk)


def moment(day, hour, minute=0):
    return clock.standing_at(datetime(2026, 4, 15 + day, hour, minute, tzinfo=UTC))


def look(plan, day, hour, minute=0):
    """As the sweep has it: only where it is due; answers whether the bell rang."""
    with moment(day, hour, minute) as _:
        due = Plan.objects.filter(pk=plan.pk, next_forecast_at__lte=clock.now()).exists()
        if due:
            forecasts.make(plan.pk)
    plan.refresh_from_db()
    return due


def test_hourly_looks_alarm_within_the_hour_and_count_the_data_of_a_day_once(live, tmp_path):
    assert output_of(live, "launch-packet")["monitoring"][1]["looked_at"].startswith(
        "every hour on days 0 to 1 over 7 days; reviews day 0 at 17:00"
    )
    assert look(live, 0, 9)
    assert looks_of(live)[-1]["told"].startswith(
        "No limit could be held: Customer Advocates has no referrals loaded."
    )
    assert not Reading.objects.filter(plan=live, rule="alert-conversion").exists()
    assert not look(live, 0, 9, 59)
    assert look(live, 0, 10) and len(looks_of(live)) == 1  # the same again is not written

    with moment(0, 10, 30):
        loaded(tmp_path, LAUNCH, 1)
    assert look(live, 0, 11)
    seen = looks_of(live)[-1]
    assert seen["told"] == "Data until 2026-04-15. Breached: conversion<0.02 at 0.0025."
    (breach,) = Breach.objects.filter(plan=live)
    assert breach.message.startswith("conversion<0.02 until 2026-04-15: 0.0025. ")
    assert breach.message.endswith(" answers within 240 minutes.")
    (notice,) = Notice.objects.filter(kind="breach")
    assert breach.answered_by == ["referral-architect"]  # by the monitoring plan
    told = {person.name for person in addressing.recipients(notice, breach)}
    assert {"Samir Haddad", "Paul Nguyen"} <= told

    for hour in (12, 13, 14):  # the same reading, hour after hour
        assert look(live, 0, hour)
    with moment(0, 14, 30):
        loaded(tmp_path, LAUNCH, 0)  # the same day, looked at again with newer data: a correction
    assert look(live, 0, 15)
    assert Reading.objects.filter(plan=live, rule="alert-conversion").count() == 1
    assert Breach.objects.filter(plan=live).count() == 1
    assert not RipcordPull.objects.exists() and live.state == "running"

    with moment(1, 0, 30):
        loaded(tmp_path, LAUNCH + timedelta(days=1), 1)
    assert look(live, 1, 1)
    (pull,) = RipcordPull.objects.all()
    assert (pull.scope, pull.trigger, pull.plan_id) == ("plan", "alert-conversion", live.pk)
    assert live.state == "held"
    assert look(live, 1, 3) and RipcordPull.objects.count() == 1  # what is stopped is not looked at
    table = next(one for one in standing_and_outlook(live) if one.key == "looks")
    assert [row[4] for row in table.rows] == ["breached", "breached", "breached", ""]


def test_few_data_past_a_limit_are_told_and_count_for_nothing(live, tmp_path):
    for day in (0, 1):
        with moment(day, 10, 30):
            loaded(tmp_path, LAUNCH + timedelta(days=day), 1, a_day=100)  # 2 % of 200 lie within the interval
        assert look(live, day, 11)
    told = [one["told"] for one in looks_of(live)]
    assert told[-1].endswith("Past its limit, with too few data to count: conversion<0.02 at 0.01.")
    found = Reading.objects.filter(plan=live, rule="alert-conversion").values_list("verdict", "value")
    assert list(found) == [("between", "0.01")] * 2
    assert not Breach.objects.exists() and not RipcordPull.objects.exists()
    table = next(one for one in standing_and_outlook(live) if one.key == "looks")
    assert table.rows[0][4] == "not certain"


def test_a_good_day_between_two_bad_ones_starts_the_count_again(live, tmp_path):
    for day, won in ((0, 1), (1, 30), (2, 0)):
        with moment(day, 10, 30):
            loaded(tmp_path, LAUNCH + timedelta(days=day), won)
        look(live, day, 11)
    found = Reading.objects.filter(plan=live, rule="alert-conversion").values_list("period", "verdict")
    assert list(found) == [("until 2026-04-15", "breached"), ("until 2026-04-16", "good")]  # no look on day 2
    assert not RipcordPull.objects.exists()
    assert not Breach.objects.filter(plan=live, cleared_at=None).exists()


def test_data_that_end_before_the_launch_say_nothing_of_it(live, tmp_path):
    with moment(0, 10, 30):
        early = date(2026, 4, 10)
        rows = "".join(f"e{n},a{n},{early} 01:00\n" for n in range(50))
        taken_in(tmp_path / "early.csv", f"referral_id,referrer_id,invited_at\n{rows}")
    look(live, 0, 11)
    told = looks_of(live)[-1]["told"]
    assert told.startswith(
        "Data until 2026-04-10. Not measured: conversion<0.02: The data end on 2026-04-10, before"
    )
    assert not Reading.objects.filter(plan=live, rule="alert-conversion").exists()
