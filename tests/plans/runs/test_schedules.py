"""Schedules on a moved clock: each due time starts one run, whatever rings and however often."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.db.models import ProtectedError
from django_celery_beat.models import PeriodicTask

from gtm.core.actors import acting_as
from gtm.core.errors import NotPermitted
from gtm.core.evidence import changelog
from plans import selectors
from plans.engine.notices import delivery
from plans.engine.stopping import ripcord
from plans.models import Notification, Plan, Schedule, ScheduledRun
from plans.runs import schedules
from plans.tasks import run_schedules, sweep
from tests.factories import PersonFactory, ProgramFactory, RoleFactory
from tests.plans.engine.conftest import actor_of

pytestmark = pytest.mark.usefixtures("acting", "watch_command")


@pytest.fixture
def owner():
    RoleFactory(slug="watcher")
    person = PersonFactory(email="owner@example.com")
    user = person.accounts.get()
    user.user_permissions.add(Permission.objects.get(codename="operate_plan"))
    return user


@pytest.fixture
def make(owner, time):
    standard = {
        "name": "weekly",
        "command": "monitor-test",
        "crontab": "0 12 * * *",
        "inputs": {"depth": "full"},
    }

    def make(**fields):
        schedule = Schedule(
            program=fields.pop("program", None) or ProgramFactory(time_zone=fields.pop("zone", "UTC")),
            owner=owner,
            **(standard | fields),
        )
        schedule.full_clean()
        schedule.save()
        return schedule

    return make


def runs(schedule):
    return [(f"{run.due_at:%d %H:%M}", run.state) for run in schedule.runs.order_by("due_at")]


def test_nothing_runs_before_its_time_and_then_one_run_starts_in_the_owners_name(make, owner, time):
    schedule = make()
    assert schedule.next_due_at == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert schedules.fire_due() == 0
    time.pass_time(hours=2)
    assert [schedules.fire_due(), schedules.fire_due()] == [1, 0]
    plan = Plan.objects.get()
    assert (plan.requested_by, plan.inputs, plan.state) == (owner, {"depth": "full"}, "running")
    assert plan.idempotency_key == f"schedule:{schedule.pk}:2026-03-02T12:00Z"
    assert schedule.runs.get().plan == plan


def test_six_o_clock_stays_six_o_clock_over_the_change_of_the_clocks(make, time):
    time.now = datetime(2026, 3, 27, 12, tzinfo=UTC)
    schedule = make(crontab="0 6 * * *", zone="Europe/Berlin", catch_up="catch_up")
    time.pass_time(days=3)
    schedules.fire_due()
    assert runs(schedule) == [("28 05:00", "started"), ("29 04:00", "started"), ("30 04:00", "started")]


def test_after_an_outage_missed_runs_are_skipped_and_shown(make, time):
    schedule = make()
    time.now = datetime(2026, 3, 5, 12, 5, tzinfo=UTC)
    assert schedules.fire_due() == 1
    assert runs(schedule) == [
        ("02 12:00", "skipped"), ("03 12:00", "skipped"), ("04 12:00", "skipped"), ("05 12:00", "started"),
    ]  # fmt: skip
    assert schedule.runs.order_by("due_at").first().reason.startswith("It was missed")


def test_after_an_outage_missed_runs_are_caught_up_each_once(make, time):
    schedule = make(catch_up="catch_up")
    time.now = datetime(2026, 3, 4, 13, tzinfo=UTC)
    assert [schedules.fire_due(), schedules.fire_due()] == [3, 0]
    assert {state for _, state in runs(schedule)} == {"started"}
    assert Plan.objects.count() == 3


def test_a_long_outage_is_caught_up_a_few_runs_at_a_time(make, time):
    schedule = make(catch_up="catch_up")
    time.now = datetime(2026, 3, 14, 13, tzinfo=UTC)
    assert [schedules.fire_due(), schedules.fire_due(), schedules.fire_due()] == [10, 3, 0]
    assert len(runs(schedule)) == 13


def test_runs_that_fail_for_reasons_of_ours_do_not_hold_up_the_others(make, time, monkeypatch, caplog):
    broken, sound = make(name="broken", catch_up="catch_up"), make(name="sound", catch_up="catch_up")
    begin = schedules._start

    def start(run):
        if run.schedule == broken:
            raise RuntimeError("a defect")
        return begin(run)

    monkeypatch.setattr(schedules, "_start", start)
    monkeypatch.setattr(schedules, "RUNS_AT_ONCE", 1)
    time.pass_time(days=2)
    assert schedules.fire_due() == 1
    assert set(broken.runs.values_list("state", flat=True)) == {"due"}
    assert "started" in sound.runs.values_list("state", flat=True)
    assert "a defect" in caplog.text


def test_a_crash_between_plan_and_row_starts_no_second_plan(make, time):
    schedule = make()
    time.pass_time(hours=2)
    schedules.enlist(schedule, time())
    plan = schedules._start(schedule.runs.get())
    schedule.refresh_from_db()
    schedule.inputs = {"depth": "light"}
    schedule.save()
    assert schedules.fire_due() == 1
    assert (Plan.objects.get(), schedule.runs.get().plan) == (plan, plan)


def test_a_run_that_cannot_start_is_refused_with_the_reason_and_its_owner_is_told(make, owner, time):
    schedule = make()
    owner.user_permissions.clear()
    time.pass_time(hours=2)
    assert schedules.fire_due() == 0
    run = schedule.runs.get()
    assert (run.state, "may not start plans any more" in run.reason) == ("refused", True)
    delivery.work_off()
    told = Notification.objects.get()
    assert (told.person.email, told.subject) == ("owner@example.com", "A scheduled run did not start: weekly")


def test_nothing_is_started_while_the_rip_cord_is_pulled(make, time):
    schedule = make()
    ripcord.pull("program", program=schedule.program, reason="Odd figures")
    time.pass_time(hours=2)
    schedules.fire_due()
    assert (schedule.runs.get().reason, Plan.objects.count()) == ("The rip-cord is pulled: Odd figures", 0)


def test_operations_run_a_skipped_time_after_all(make, owner, time):
    schedule = make()
    time.now = datetime(2026, 3, 2, 14, tzinfo=UTC)
    schedules.fire_due()
    with acting_as(actor_of(PersonFactory())), pytest.raises(NotPermitted):
        schedules.run_after_all(schedule.runs.get(), comment="We need it")
    with acting_as(actor_of(owner.people.get())):
        schedules.run_after_all(schedule.runs.get(), comment="We need it")
    assert schedules.fire_due() == 1
    assert runs(schedule) == [("02 12:00", "started")]


def test_a_schedule_switched_on_again_missed_nothing(make, time):
    schedule = make(catch_up="catch_up")
    schedule.is_active = False
    schedule.save()
    assert schedule.next_due_at is None
    time.pass_time(days=7)
    schedule.is_active = True
    schedule.save()
    assert (schedules.fire_due(), schedule.next_due_at) == (0, datetime(2026, 3, 9, 12, tzinfo=UTC))


def test_beat_rings_on_the_programs_wall_clock_and_follows_every_change(make):
    schedule = make(zone="Europe/Berlin")
    bell = PeriodicTask.objects.get(task="plans.tasks.run_schedules")
    assert (bell.crontab.hour, str(bell.crontab.timezone), bell.enabled) == ("12", "Europe/Berlin", True)
    schedule.program.time_zone = "Asia/Tokyo"
    schedule.program.save()
    schedule.refresh_from_db()
    schedule.is_active = False
    schedule.save()
    bell.refresh_from_db()
    assert (str(bell.crontab.timezone), bell.enabled) == ("Asia/Tokyo", False)


def test_the_bell_starts_what_is_due_and_the_sweep_hears_what_was_not_rung(make, time):
    schedule = make()
    time.now = datetime(2026, 3, 2, 12, 0, 1, tzinfo=UTC)
    sweep()
    assert runs(schedule) == []
    run_schedules()
    assert runs(schedule) == [("02 12:00", "started")]
    time.now = datetime(2026, 3, 3, 12, 0, 31, tzinfo=UTC)
    sweep()
    assert runs(schedule) == [("02 12:00", "started"), ("03 12:00", "started")]


def test_a_schedule_that_ran_is_switched_off_not_deleted_and_an_unused_one_takes_its_bell_along(make, time):
    unused = make(name="unused", crontab="0 0 1 1 *")
    unused.delete()
    assert PeriodicTask.objects.filter(task="plans.tasks.run_schedules").count() == 0
    used = make()
    time.pass_time(hours=2)
    schedules.fire_due()
    with pytest.raises(ProtectedError):
        used.delete()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"crontab": "0 6 * *"}, "crontab"),
        ({"crontab": "0 0 30 2 *"}, "crontab"),
        ({"command": "monitor-tset"}, "command"),
        ({"inputs": {"depth": "deep"}}, "inputs"),
        ({"inputs": {"width": "1"}}, "inputs"),
    ],
)
def test_a_schedule_that_cannot_work_is_refused_by_field(make, fields, field):
    with pytest.raises(ValidationError) as refused:
        make(**fields)
    assert list(refused.value.message_dict) == [field]


def test_a_program_of_another_kind_and_an_owner_without_permission_are_refused_together(make, owner):
    owner.user_permissions.clear()
    with pytest.raises(ValidationError) as refused:
        make(program=ProgramFactory(kind="partner"))
    assert sorted(refused.value.message_dict) == ["owner", "program"]


def test_every_run_is_on_record_in_the_schedules_own_chain(make, time):
    schedule = make()
    time.pass_time(hours=2)
    schedules.fire_due()
    told = [(row["event"], row["to"]) for row in changelog.rows(f"schedule:{schedule.pk}")]
    assert told == [("created", None), ("start", "started")]
    assert changelog.verify_chain(f"schedule:{schedule.pk}") == []
    assert ScheduledRun.objects.get().history.count() == 2


def test_a_page_of_schedules_with_their_runs_takes_two_queries(make, time, django_assert_num_queries):
    make(catch_up="catch_up")
    time.pass_time(days=2)
    schedules.fire_due()
    with django_assert_num_queries(2):
        shown = [
            (s.name, s.program.slug, s.owner.pk, [(r.state, r.plan.state) for r in s.runs.all()])
            for s in selectors.schedules_with_runs()
        ]
    assert shown[0][3] == [("started", "running")] * 2
