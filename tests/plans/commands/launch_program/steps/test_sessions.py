"""Sessions and milestones as a second reader of calendar files sees them, FAQ, and help-centre entries."""

import io
import zipfile
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
import vobject

from gtm.core import canonical
from gtm.core.places import filestore
from plans.commands.launch_program.records import keep_revisions
from plans.commands.launch_program.steps.sessions import schedule_sessions
from plans.engine.running.runner import stored_values
from programs.models import CalendarRevision, Person, Role
from tests.factories import START, AbsenceFactory, ApproverFactory, PersonFactory
from tests.plans.commands.launch_program.launch_kit import (
    change_template,
    context_of,
    establish,
    outputs_by_key,
)


@pytest.fixture
def program(acting):
    return establish()


def events_of(result):
    """The events of the calendar file by title, read by vobject."""
    content = filestore.read(outputs_by_key(result)["launch-calendar"].path).decode()
    return {event.summary.value: event for event in vobject.readOne(content).vevent_list}


def run(program, **given):
    """The step, and what its success leaves behind."""
    result = schedule_sessions(context_of(program, **given))
    keep_revisions(SimpleNamespace(program=program), stored_values(result))
    return result


def test_sessions_stand_on_business_days_around_the_launch_at_the_programs_wall_clock(program):
    found = {s["key"]: s["starts"] for s in run(program, channels=["email", "partner"]).values["sessions"]}
    assert found == {
        "sales-training": "2026-03-13T10:00:00+01:00",
        "success-training": "2026-03-16T10:00:00+01:00",
        "partner-enablement": "2026-03-17T14:00:00+01:00",
        "dry-run": "2026-03-19T15:00:00+01:00",
        "office-hour": "2026-03-24T11:00:00+01:00",
    }


def test_partners_are_trained_only_where_they_are_a_channel(program):
    assert "partner-enablement" not in {s["key"] for s in run(program).values["sessions"]}


def test_a_second_reader_sees_the_times_and_whole_days_of_the_calendar_file(program):
    events = events_of(run(program))
    training = events["Customer Advocates: Training: sales"]
    assert training.dtstart.value == datetime(2026, 3, 13, 9, tzinfo=UTC)
    assert training.dtend.value - training.dtstart.value == timedelta(hours=1)
    assert events["Customer Advocates: go-live"].dtstart.value == date(2026, 3, 20)
    reviews = {title.rsplit(" ", 1)[1]: e.dtstart.value for title, e in events.items() if "review" in title}
    assert reviews == {
        "0": date(2026, 3, 20),
        "1": date(2026, 3, 21),
        "7": date(2026, 3, 27),
        "30": date(2026, 4, 19),
    }


def test_a_moved_launch_keeps_every_uid_and_raises_the_sequence_of_what_moved_only(program):
    before = events_of(run(program))
    after = events_of(run(program, launch_date="2026-03-27"))
    assert {t: e.uid.value for t, e in before.items()} == {t: e.uid.value for t, e in after.items()}
    assert {e.sequence.value for e in before.values()} == {"0"}
    assert {e.sequence.value for e in after.values()} == {"1"}
    assert {row.sequence for row in CalendarRevision.objects.all()} == {1}
    again = events_of(run(program, launch_date="2026-03-27", now=START + timedelta(hours=1)))
    assert {e.sequence.value for e in again.values()} == {"1"}


def test_only_the_session_that_changed_gets_a_new_sequence(program):
    run(program)
    program.owner.name = "Olivia Park-Reed"
    program.owner.save()
    after = events_of(run(program))
    assert {t: e.sequence.value for t, e in after.items()}["Customer Advocates: go-live"] == "0"
    assert {t: e.sequence.value for t, e in after.items()}["Customer Advocates: Training: sales"] == "1"


def test_the_same_run_gives_the_same_bytes(program):
    first, again = (schedule_sessions(context_of(program)) for _ in range(2))
    assert [canonical.digest(output) for output in first.outputs] == [
        canonical.digest(o) for o in again.outputs
    ]


def test_an_invitation_asks_the_team_and_names_the_owner(program):
    content = filestore.read(outputs_by_key(run(program))["invitations"].path)
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        calendar = vobject.readOne(packed.read("sales-training.ics").decode())
        assert set(packed.namelist()) == {
            "sales-training.ics", "success-training.ics", "office-hour.ics", "manifest.json", "SHA256SUMS",
        }  # fmt: skip
    assert calendar.method.value == "REQUEST"
    assert [a.value for a in calendar.vevent.attendee_list] == ["mailto:sales@demo.example"]
    assert calendar.vevent.organizer.value == "mailto:olivia@example.com"


def test_a_session_that_cannot_be_before_the_launch_any_more_says_so(program):
    result = run(program, launch_date="2026-03-05")
    late = {s["key"]: (s["starts"][:10], s["late"]) for s in result.values["sessions"]}
    assert late["sales-training"] == ("2026-03-03", False)
    result = run(program, launch_date="2026-03-03")
    assert {s["key"]: s["late"] for s in result.values["sessions"]} == {
        "sales-training": True,
        "success-training": True,
        "dry-run": True,
        "office-hour": False,
    }


def test_milestones_of_the_runbook_come_along(program):
    runbook = {"milestones": [{"key": "legal-review", "title": "legal review done", "day": "2026-03-10"}]}
    events = events_of(run(program, outputs={"runbook": runbook}))
    assert events["Customer Advocates: legal review done"].dtstart.value == date(2026, 3, 10)


def test_what_was_handed_out_and_is_asked_for_no_more_is_called_off_once(program):
    runbook = {"milestones": [{"key": "legal-review", "title": "legal review done", "day": "2026-03-10"}]}
    run(program, channels=["email", "partner"], outputs={"runbook": runbook})
    result = run(program, channels=["email"])
    events = events_of(result)
    called_off = {t for t, e in events.items() if e.status.value == "CANCELLED"}
    assert called_off == {"Customer Advocates: Enablement: partners", "Customer Advocates: legal review"}
    assert {events[title].sequence.value for title in called_off} == {"1"}
    assert "partner-enablement" not in {s["key"] for s in result.values["sessions"]}
    again = events_of(run(program, channels=["email"]))
    assert {again[title].sequence.value for title in called_off} == {"1"}


def test_who_was_invited_to_a_session_is_told_that_it_is_called_off(program):
    PersonFactory(name="Paul Nguyen", email="paul@example.com", roles=["partner-manager"])
    run(program, channels=["email", "partner"])
    content = filestore.read(outputs_by_key(run(program, channels=["email"]))["invitations"].path)
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        calendar = vobject.readOne(packed.read("partner-enablement-called-off.ics").decode())
    assert (calendar.method.value, calendar.vevent.status.value) == ("CANCEL", "CANCELLED")
    assert [a.params["CN"] for a in calendar.vevent.attendee_list] == [["Paul Nguyen"]]


def test_nobody_to_train_is_told_in_the_table(program):
    rows = {row[0]: row[3] for row in outputs_by_key(run(program))["sessions"].rows}
    assert rows["Customer Advocates: Training: sales"] == "Sara Lind"
    assert rows["Customer Advocates: Dry run of the launch day"] == "nobody holds lifecycle-ops"


def test_questions_become_headings_and_steps_a_list(program):
    faq = outputs_by_key(run(program))["faq"]
    sections = {s.heading: (s.paragraphs, s.bullets) for s in faq.sections}
    assert sections["How do I take part?"] == (
        [],
        [
            "Copy your personal link.",
            "Send it to a colleague.",
            "When they become a customer, both are rewarded.",
        ],
    )
    assert sections["From when on?"] == (["From 20 March 2026."], [])


def test_the_help_centre_lists_entries_with_the_version_of_their_template(program):
    change_template("help-article", title="Recommend us")
    rows = outputs_by_key(run(program))["help-centre"].rows
    assert rows == [["FAQ", "core/faq.md", 1, 1], ["Recommend us", "core/help-article.md", 2, 1]]


def uids(result):
    return {event.uid.value for event in events_of(result).values()}


def test_a_second_launch_of_the_program_has_events_of_its_own_and_calls_off_none_of_the_first(program):
    first = run(program, plan_id="plan-a", channels=["email", "partner"])
    second = run(program, plan_id="plan-b")
    assert uids(first).isdisjoint(uids(second))
    assert {e.status.value for e in events_of(second).values()} == {"CONFIRMED"}
    assert uids(run(program, plan_id="plan-a", channels=["email", "partner"])) == uids(first)


def invitations(result):
    content = filestore.read(outputs_by_key(result)["invitations"].path)
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return {n: vobject.readOne(packed.read(n).decode()) for n in packed.namelist() if n.endswith(".ics")}


def test_whoever_is_no_longer_asked_is_told_with_the_event_they_have(program):
    other = PersonFactory(name="Ona Ito", email="ona@demo.example")
    second = ApproverFactory(person=other, role=Role.objects.get(slug="sales"))
    before = invitations(run(program))["sales-training.ics"]
    second.delete()
    found = invitations(run(program))
    gone, still = found["sales-training-no-longer-asked.ics"], found["sales-training.ics"]
    assert (gone.method.value, still.method.value) == ("CANCEL", "REQUEST")
    assert gone.vevent.uid.value == before.vevent.uid.value == still.vevent.uid.value
    assert int(gone.vevent.sequence.value) > int(before.vevent.sequence.value)
    assert [a.value for a in gone.vevent.attendee_list] == ["mailto:ona@demo.example"]
    assert gone.vevent.status.value == "CANCELLED"
    assert "sales-training-no-longer-asked.ics" not in invitations(run(program))


def test_a_session_moves_to_the_nearest_day_on_which_its_people_are_there(program):
    sara = Person.objects.get(name="Sara Lind")
    day = datetime(2026, 3, 13, tzinfo=UTC)
    AbsenceFactory(person=sara, starts_at=day, ends_at=day + timedelta(days=1))
    found = {s["key"]: s["starts"][:10] for s in run(program).values["sessions"]}
    assert found["sales-training"] == "2026-03-12"
