"""The date of a launch as it looks: with absences, one thing at a time, closed days, and what gets done."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.errors import GuardNotMet, InvalidInput, NotPermitted
from gtm.core.evidence import changelog
from plans.admin.at_risk import at_risk as risks
from plans.commands.launch_program.report import standing_and_outlook
from plans.engine.notices import addressing
from plans.engine.people import human_tasks
from plans.engine.running import forecasts
from plans.engine.running.sweep import sweep
from plans.export.document import build
from plans.models import Notice, NoticeKind, Plan
from plans.runs import revise
from plans.selectors import answer_of, forecasts_of
from programs.models import Absence, LaunchProfile, Person, Role, Runbook, RunbookTask
from tests.plans.commands.launch_program.test_program import IN_TIME, LINE, at, item
from tests.plans.conftest import START, output_of, start, work_off

pytestmark = pytest.mark.usefixtures("organisation")


def away(name, first, last):
    day = datetime.fromisoformat(first).replace(tzinfo=UTC)
    end = datetime.fromisoformat(last).replace(tzinfo=UTC) + timedelta(days=1)
    Absence(person=Person.objects.get(name=name), starts_at=day, ends_at=end).save()


def on(day):
    return start(LINE.replace("2025-12-10", day))


def by(name):
    account = Person.objects.get(name=name).accounts.get()
    return acting_as(Actor.of_user(account, ADMIN, interactive=True))


@pytest.fixture
def runbook():
    """The runbook of every launch, emptied; channels add nothing."""
    for row in RunbookTask.objects.all():
        row.delete()
    return Runbook.objects.get(channel="")


def task(runbook, key, days, role="lifecycle-ops", **more):
    who = Role.objects.get(slug=role)
    optimistic, likely, pessimistic = map(Decimal, map(str, days))
    given = {"name": key, "phase": "tooling", "group": "tooling", "responsible": who, "accountable": who}
    estimates = {"optimistic_days": optimistic, "likely_days": likely, "pessimistic_days": pessimistic}
    RunbookTask(runbook=runbook, key=key, **given | estimates | more).save()


def without_buffer():
    profile = LaunchProfile.objects.get()
    profile.buffer_days = 0
    profile.save()


def checklist_of(day):
    return output_of(work_off(on(day), "checklist"), "checklist")


def test_one_person_with_seven_tasks_in_the_same_days_has_no_chance(runbook):
    for n in range(7):
        task(runbook, f"t{n}", (2, 2.4, 3))
    plan = on("2026-03-18")  # twelve working days; each task alone takes three
    told = item(plan, "launch-date")["evidence"]
    assert "Olivia Park has 17.0 days of work in 12 working days before the launch." in told
    found = output_of(work_off(plan, "checklist"), "checklist")
    assert (found["on_time"], len(found["overloaded"])) == (0, 1)
    assert (found["working_days"], found["late_by"]) == (pytest.approx(2.433, abs=0.001), 6)
    rows = plan.artifacts.get(key="loads").payload["rows"]
    assert [row[0] for row in rows] == ["Olivia Park"] and rows[0][3:5] == ["yes", 7]
    due = plan.tasks.filter(key__startswith="t", kind="human").values_list("due_at", flat=True)
    assert len(set(due)) > 4  # one after the other, not all on the last day


def test_a_share_of_somebodys_time_makes_it_longer(runbook):
    task(runbook, "forms", (4, 4, 4))
    assert checklist_of("2026-03-10")["on_time"] == 1
    profile = LaunchProfile.objects.get()
    profile.shares = {"lifecycle-ops": 0.5}
    profile.save()
    assert checklist_of("2026-03-10")["on_time"] == 0
    profile.shares = {"nobody": 2}
    with pytest.raises(Exception, match="There is no role nobody") as refused:
        profile.full_clean()
    assert "at most at 1, not at 2" in str(refused.value)


def test_the_only_legal_and_the_only_executive_away_for_three_weeks_hold_the_date(runbook):
    task(runbook, "legal-approval", (1, 1, 2), "legal", phase="approval", name="Legal approval")
    assert checklist_of("2026-03-18")["on_time"] == 1
    away("Lena Brandt", "2026-03-02", "2026-03-22")
    assert checklist_of("2026-03-18")["on_time"] == 1  # the executive covers
    away("Elena Rossi", "2026-03-03", "2026-03-22")
    found = checklist_of("2026-03-18")
    assert found["on_time"] < 0.1  # but for one day of the executive's


def test_a_second_person_of_the_role_decides_where_the_first_is_away(runbook):
    task(runbook, "finance-approval", (1, 1, 2), "finance", phase="approval", name="Finance approval")
    away("Fiona Walsh", "2026-03-02", "2026-03-22")
    away("Elena Rossi", "2026-03-03", "2026-03-22")
    assert checklist_of("2026-03-18")["on_time"] == 1  # Dora Klein is there


def test_whoever_is_away_does_their_tasks_when_they_are_back(runbook):
    task(runbook, "forms", (1, 1, 1))
    away("Olivia Park", "2026-03-02", "2026-03-15")
    plan = on("2026-03-18")
    found = output_of(work_off(plan, "checklist"), "checklist")
    assert (found["on_time"], found["earliest_launch"]) == (1, "2026-03-17")
    assert plan.artifacts.get(key="loads").payload["rows"][0][2:6] == [2, "", 1, "2026-03-02 to 2026-03-15"]
    told = [plan.artifacts.get(key=key).payload["note"] for key in ("schedule", "loads")]
    assert all("Nobody is taken to stand in for an owner who is away" in note for note in told)
    assert checklist_of("2026-03-13")["on_time"] == 0


def test_a_friday_is_no_working_day_everywhere(runbook):
    person = Person.objects.get(name="Olivia Park")
    person.country, person.time_zone = "SA", "Asia/Riyadh"
    person.save()
    without_buffer()
    task(runbook, "forms", (1, 1, 1))
    plan = on("2026-03-16")  # a Monday
    assert plan.tasks.get(key="forms").due_at.date().isoformat() == "2026-03-15"  # a Sunday is worked there


def test_waits_earliest_days_and_people_outside(runbook):
    task(runbook, "order", (1, 1, 1))
    task(runbook, "printed", (3, 3, 3), needs=["order"], wait_days=Decimal(2), outside="Print & Co")
    task(runbook, "booth", (1, 1, 1), not_before_days=3)
    without_buffer()
    plan = work_off(on("2026-03-18"), "checklist")
    table = plan.artifacts.get(key="runbook").payload
    columns = [column["key"] for column in table["columns"]]
    rows = {row[0]: dict(zip(columns, row, strict=True)) for row in table["rows"]}
    assert rows["printed"]["owner"] == "Print & Co"
    assert (rows["printed"]["begin"], rows["order"]["due"]) == ("2026-03-13", "2026-03-10")
    loads = plan.artifacts.get(key="loads").payload["rows"]
    assert [(row[0], row[1]) for row in loads] == [("Olivia Park", 2.0)]


def test_a_buffer_makes_everything_due_earlier_and_moves_no_probability(runbook):
    task(runbook, "forms", (1, 1, 1))
    profile = LaunchProfile.objects.get()
    profile.buffer_days = 3
    profile.save()
    plan = on("2026-03-18")
    assert plan.tasks.get(key="forms").due_at.date().isoformat() == "2026-03-12"
    assert output_of(work_off(plan, "checklist"), "checklist")["on_time"] == 1


def test_two_days_are_kept_free_where_nobody_says_otherwise_and_fewer_where_time_is_short(runbook):
    task(runbook, "forms", (1, 1, 1))
    assert LaunchProfile.objects.get().buffer_days == 2
    plan = work_off(on("2026-03-18"), "checklist")
    assert plan.tasks.get(key="forms").due_at.date().isoformat() == "2026-03-13"
    note = plan.artifacts.get(key="runbook").payload["note"]
    assert "Due dates count back from 2026-03-16" in note and "the launch on 2026-03-18 are kept free" in note
    short = work_off(on("2026-03-04"), "checklist")  # one task of a day, and two days
    assert short.tasks.get(key="forms").due_at.date().isoformat() == "2026-03-02"
    assert "count back from 2026-03-03" in short.artifacts.get(key="runbook").payload["note"]
    late = work_off(on("2026-03-02"), "checklist")
    assert (
        "Due dates count back from the launch on 2026-03-02"
        in (late.artifacts.get(key="runbook").payload["note"])
    )


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2026-07-03", "2026-07-03 is a holiday (Independence Day (observed)) where the program is at home. "
                       "The nearest days that work are 2026-07-02 and 2026-07-06."),
        ("2026-03-14", "2026-03-14 is a Saturday, no working day where the program is at home. "
                       "The nearest days that work are 2026-03-13 and 2026-03-16."),
    ],
)  # fmt: skip
def test_a_launch_on_a_day_on_which_nobody_works_is_refused_with_the_nearest_that_are(day, why):
    with pytest.raises(GuardNotMet) as refused:
        on(day)
    assert [p.message.partition(": ")[2] for p in refused.value.problems] == [why]
    assert not Plan.objects.exists()


def seen(plan):
    forecasts.make(plan.pk)
    return forecasts_of(plan)[-1]


def test_the_forecast_moves_each_day_with_what_is_done_and_is_made_once_a_day(runbook):
    for n in range(4):
        task(runbook, f"t{n}", (1, 2, 4))
    plan = on("2026-03-13")  # nine working days for about nine of work
    first = seen(plan)
    assert 0.2 < first["on_time"] < 0.8
    assert first["low"] < first["on_time"] < first["high"]
    assert forecasts.make(plan.pk) is None  # today's is there
    work_off(plan)
    for key in ("t0", "t1"):
        human_tasks.complete(plan.tasks.get(key=key), result={}, evidence={})
    with at("2026-03-03"):
        second = seen(plan)
        assert second["on_time"] > 0.95
        assert second["done"] == 0.5
    with at("2026-03-09"):
        third = seen(plan)
        assert third["on_time"] < 0.6  # nothing more was done
        with by("Olivia Park"):
            human_tasks.report_progress(plan.tasks.get(key="t2"), percent=90, note="The texts are left.")
    with at("2026-03-10"):
        fourth = seen(plan)
        assert fourth["on_time"] > third["on_time"]
        assert fourth["done"] == pytest.approx(0.725)
    told = [row for row in changelog.rows(plan.change_chain()) if row["event"] == "forecast"]
    assert [row["to"]["day"] for row in told] == ["2026-03-02", "2026-03-03", "2026-03-09", "2026-03-10"]
    assert told[1]["from"] == told[0]["to"]
    shown = {output.key: output for output in standing_and_outlook(plan)}
    assert "Nobody is taken to stand in for an owner who is away" in shown["forecast"].note
    assert shown["forecast-days"].categories == [row["to"]["day"] for row in told]


def test_what_is_done_has_its_wait_and_its_earliest_day_behind_it(runbook):
    task(runbook, "printed", (1, 1, 1), wait_days=Decimal(30), not_before_days=1)
    plan = work_off(on("2026-03-18"))
    assert seen(plan)["on_time"] == 0
    human_tasks.complete(plan.tasks.get(key="printed"), result={}, evidence={})
    with at("2026-03-03"):
        assert seen(plan)["on_time"] == 1


def test_a_wait_goes_on_from_the_day_on_which_what_it_waits_for_was_done(runbook):
    task(runbook, "order", (1, 1, 1))
    task(runbook, "printed", (1, 1, 1), needs=["order"], wait_days=Decimal(5), outside="Print & Co")
    plan = work_off(on("2026-03-18"))
    assert seen(plan)["earliest_launch"] == "2026-03-11"  # a day, five of waiting, a day
    human_tasks.complete(plan.tasks.get(key="order"), result={}, evidence={})
    for day in ("2026-03-03", "2026-03-05", "2026-03-09", "2026-03-10"):
        with at(day):
            assert seen(plan)["earliest_launch"] == "2026-03-11"
    with at("2026-03-12"):
        assert seen(plan)["earliest_launch"] == "2026-03-13"  # the printer is late; the wait is over


def test_a_wait_for_nothing_goes_on_from_the_day_on_which_the_plan_began(runbook):
    task(runbook, "printed", (1, 1, 1), wait_days=Decimal(5), outside="Print & Co")
    plan = on("2026-03-18")
    for day in ("2026-03-02", "2026-03-04", "2026-03-09"):
        with at(day):
            assert seen(plan)["earliest_launch"] == "2026-03-10"
    revise.change(plan, {"launch_date": "2026-04-15"}, comment="Later.")
    with at("2026-03-09"):
        assert seen(plan)["earliest_launch"] == "2026-03-10"


def test_a_change_of_the_date_is_looked_at_again_the_same_day(runbook):
    task(runbook, "forms", (3, 4, 8))
    plan = on("2026-03-05")
    work_off(plan)
    assert seen(plan)["on_time"] < 0.5
    revise.change(plan, {"launch_date": "2026-04-15"}, comment="Later.")
    assert seen(plan)["on_time"] == 1


def test_the_sweep_rings_for_what_is_due_and_again_only_later(monkeypatch):
    rung = []
    monkeypatch.setattr("plans.engine.running.dispatch.ring_forecast", lambda pk: not rung.append(pk))
    plan = start(IN_TIME)
    sweep()
    sweep()
    assert rung == [plan.pk]
    forecasts.make(plan.pk)
    plan.refresh_from_db()
    assert plan.next_forecast_at == forecasts.tomorrow(plan) > START
    with at("2026-03-03", hour=1):
        sweep()
    assert rung == [plan.pk] * 2


def test_only_whoever_works_on_a_task_says_how_far_it_is(runbook):
    task(runbook, "forms", (1, 2, 3))
    plan = work_off(on("2026-03-18"))
    forms = plan.tasks.get(key="forms")
    with by("Arne Lund"), pytest.raises(NotPermitted):
        human_tasks.report_progress(forms, percent=10)
    with pytest.raises(InvalidInput) as refused:
        human_tasks.report_progress(forms, percent=100)
    assert "100 is not from 0 to 99. Complete the task" in refused.value.problems[0].message
    with pytest.raises(GuardNotMet, match="nobody is at work on it now"):
        human_tasks.report_progress(plan.tasks.get(key="legal-approval"), percent=10)


def test_what_people_read_of_a_running_launch_is_todays_answer_and_they_are_told_where_it_turns(client):
    with by("Olivia Park"):
        plan = start(IN_TIME)
    work_off(plan, "checklist")
    human_tasks.complete(plan.tasks.get(key="design-charter"), result={}, evidence={"note": "Seen."})
    forecasts.make(plan.pk)
    read = answer_of(plan)
    assert (read["verdict"], read["table"]) == ("go", "runbook-status")
    assert "design charter" not in read["next"] + read["caveats"][-1]  # what is done holds up nothing
    assert [at_risk.plan for at_risk in risks()] == []
    client.force_login(Person.objects.get(name="Olivia Park").accounts.get())
    page = client.get(reverse("admin:plans_plan_change", args=[plan.pk]))
    assert page.status_code == 200
    # The table of the present moment leads to its chapter, where all rows stand.
    assert '<a href="#chapter-now">The whole table</a>' in page.content.decode()
    assert "Hold the retrospective of day 30" in page.content.decode()

    away("Olivia Park", "2026-03-03", "2026-05-01")
    with at("2026-03-03"):
        forecasts.make(plan.pk)
        turned = answer_of(plan)
        assert turned["verdict"] == "do not" and turned["headline"].startswith("Do not count on 2026-04-15")
        assert build(plan)["answer"] == turned
        assert [risk.reasons for risk in risks() if risk.plan == plan] == [("Its answer says no",)]
        (notice,) = Notice.objects.filter(kind=NoticeKind.OUTLOOK)
        assert (notice.facts["before"], notice.facts["after"]) == ("go", "do not")
        assert {person.name for person in addressing.recipients(notice, plan)} >= {"Olivia Park"}
        words = addressing.worded(notice, plan)
        assert words.subject.startswith("The answer was “go”, it is “do not” now: Launch ")
        assert addressing.pointless(notice, plan, Person.objects.get(name="Olivia Park")) is None
        revise.change(plan, {"launch_date": "2026-08-14"}, comment="After the leave.")
        work_off(plan, "checklist")
        forecasts.make(plan.pk)
        assert answer_of(plan)["verdict"] == "go"
        told = addressing.pointless(notice, plan, Person.objects.get(name="Olivia Park"))
    assert told == "Its answer is “go” now."
    days = next(one for one in standing_and_outlook(plan) if one.key == "forecast-days")
    assert days.categories == ["2026-03-02", "2026-03-03"]  # of a day with two looks, the last one
