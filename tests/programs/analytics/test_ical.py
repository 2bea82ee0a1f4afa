"""Calendar files, read back by a second parser (vobject): times, people, and what a change does."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
import vobject
from dateutil.tz import tzical
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from programs.analytics.ical import Attendee, Milestone, Session, calendar_file, invitation, revise, uid_of

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2025, 11, 3, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
TRAINING = Session(
    key="training-sales",
    title="Training: sales; part 1, basics",
    starts=datetime(2025, 12, 3, 10, tzinfo=NEW_YORK),
    ends=datetime(2025, 12, 3, 11, 30, tzinfo=NEW_YORK),
    description="What changes.\nQuestions.",
    location="Room 1",
    url="https://example.com/training",
    organizer=Attendee("olga@example.com", 'Olga "O" Ortiz'),
    attendees=(Attendee("ada@example.com", "Ada"), Attendee("bob@example.com")),
    remind=timedelta(minutes=15),
)
GO_LIVE = Milestone("go-live", "Go-live", date(2025, 12, 10))

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=120)


def parsed(content):
    calendar = vobject.readOne(content.decode())
    calendar.validate(raiseException=True)
    return calendar


def published(*events):
    return calendar_file([(e, revise(e, None, now=NOW)) for e in events], name="Launch", domain="example.com")


def test_a_second_parser_reads_session_and_milestone():
    session, milestone = parsed(published(GO_LIVE, TRAINING)).vevent_list
    assert session.summary.value == TRAINING.title
    assert (session.dtstart.value, session.dtend.value) == (TRAINING.starts, TRAINING.ends)
    assert session.description.value == TRAINING.description
    assert (session.location.value, session.url.value) == (TRAINING.location, TRAINING.url)
    assert session.valarm.trigger.value == -TRAINING.remind
    assert (milestone.dtstart.value, milestone.dtend.value) == (date(2025, 12, 10), date(2025, 12, 11))
    assert (session.transp.value, milestone.transp.value) == ("OPAQUE", "TRANSPARENT")
    assert (session.sequence.value, session.status.value) == ("0", "CONFIRMED")


@pytest.mark.parametrize(("month", "utc_hour"), [(1, 15), (7, 14), (12, 15)])
def test_a_reader_that_trusts_the_zone_in_the_file_finds_the_instant_in_summer_and_winter(month, utc_hour):
    starts = datetime(2026, month, 15, 10, tzinfo=NEW_YORK)
    content = published(replace(TRAINING, starts=starts, ends=starts + timedelta(hours=1))).decode()
    in_file = tzical(StringIO(content)).get("America/New_York")
    told = datetime(2026, month, 15, 10, tzinfo=in_file)
    assert told.astimezone(UTC) == datetime(2026, month, 15, utc_hour, tzinfo=UTC)


@pytest.mark.parametrize(
    "zone", ["America/New_York", "Europe/Dublin", "Australia/Lord_Howe", "America/Santiago", "Asia/Kolkata"]
)
def test_clocks_change_in_the_file_at_the_second_at_which_they_change(zone):
    rules = ZoneInfo(zone)
    starts = datetime(2026, 6, 15, 10, tzinfo=rules)
    content = published(replace(TRAINING, starts=starts, ends=starts + timedelta(hours=1)))
    changes = [
        ((told - observance.TZOFFSETFROM).replace(tzinfo=UTC), observance.TZOFFSETFROM, observance.TZOFFSETTO)
        for observance in Calendar.from_ical(content).timezones[0].subcomponents
        for told in [observance.DTSTART, *(day for day, *_ in observance.rdates)]
    ]
    in_rules = [
        (at, (at - timedelta(seconds=1)).astimezone(rules).utcoffset(), at.astimezone(rules).utcoffset())
        for at, _, _ in changes
    ]
    assert changes == in_rules
    assert len(changes) == 1 + 4 * (zone != "Asia/Kolkata")  # the beginning, and two years of changes


def test_every_line_ends_and_folds_as_the_standard_asks():
    lines = published(replace(TRAINING, title="ü" * 200)).split(b"\r\n")
    assert lines[-1] == b""
    assert max(map(len, lines)) <= 75
    assert not any(b"\n" in line for line in lines)


@given(texts, texts)
def test_any_text_comes_back(title, description):
    event = parsed(published(replace(TRAINING, title=title, description=description))).vevent
    assert (event.summary.value, event.description.value) == (title, description)


def test_the_same_events_give_the_same_bytes_in_any_order():
    assert published(TRAINING, GO_LIVE) == published(GO_LIVE, TRAINING)


def test_no_events_are_an_empty_calendar():
    assert published().count(b"BEGIN:") == 1


# ------------------------------------------------------------------ people


def test_an_invitation_names_organizer_and_attendees():
    event = parsed(invitation(TRAINING, revise(TRAINING, None, now=NOW), domain="example.com")).vevent
    assert event.organizer.value == "mailto:olga@example.com"
    assert [a.value for a in event.attendee_list] == ["mailto:ada@example.com", "mailto:bob@example.com"]
    assert event.attendee_list[0].params["RSVP"] == ["TRUE"]


def test_a_published_file_names_no_attendees():
    assert b"ATTENDEE" not in published(TRAINING)


def test_a_cancelled_session_is_taken_back_under_the_same_uid():
    first = revise(TRAINING, None, now=NOW)
    cancelled = replace(TRAINING, is_cancelled=True)
    second = revise(cancelled, first, now=LATER)
    sent, withdrawn = (
        parsed(invitation(session, revision, domain="example.com"))
        for session, revision in [(TRAINING, first), (cancelled, second)]
    )
    assert (sent.method.value, withdrawn.method.value) == ("REQUEST", "CANCEL")
    assert sent.vevent.uid.value == withdrawn.vevent.uid.value == uid_of("training-sales", "example.com")
    assert (withdrawn.vevent.status.value, withdrawn.vevent.sequence.value) == ("CANCELLED", "1")


@pytest.mark.parametrize("lacking", [{"organizer": None}, {"attendees": ()}])
def test_an_invitation_without_people_is_refused(lacking):
    session = replace(TRAINING, **lacking)
    with pytest.raises(ValueError, match="needs an organizer and attendees"):
        invitation(session, revise(session, None, now=NOW), domain="example.com")


# ------------------------------------------------------------------ revisions


@pytest.mark.parametrize(
    "change",
    [
        {"starts": TRAINING.starts + timedelta(minutes=5)},
        {"title": "Training"},
        {"location": "Room 2"},
        {"attendees": TRAINING.attendees[:1]},
        {
            "starts": TRAINING.starts.replace(tzinfo=ZoneInfo("America/Toronto")),
            "ends": TRAINING.ends.replace(tzinfo=ZoneInfo("America/Toronto")),
        },
    ],
)
def test_a_change_raises_the_sequence_by_one_and_keeps_the_uid(change):
    first = revise(TRAINING, None, now=NOW)
    second = revise(replace(TRAINING, **change), first, now=LATER)
    assert (first.sequence, second.sequence, second.changed_at) == (0, 1, LATER)


def test_without_a_change_the_revision_stays_whatever_the_time():
    first = revise(TRAINING, None, now=NOW)
    assert revise(replace(TRAINING), first, now=LATER) is first


def test_uids_differ_by_key_and_by_domain():
    assert len({uid_of(key, domain) for key in "ab" for domain in ("a.example", "b.example")}) == 4


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("times", "sentence"),
    [
        ({"starts": datetime(2025, 12, 3, 10), "ends": datetime(2025, 12, 3, 11)}, "IANA time zone"),
        ({"starts": datetime(2025, 12, 3, 10, tzinfo=timezone(timedelta(hours=-5)))}, "IANA time zone"),
        ({"ends": datetime(2025, 12, 3, 18, tzinfo=ZoneInfo("Europe/Vienna"))}, "IANA time zone"),
        ({"ends": TRAINING.starts}, "ends before it starts"),
        (  # the hour that comes twice: 01:30 the second time is after 01:45 the first time
            {
                "starts": datetime(2025, 11, 2, 1, 30, fold=1, tzinfo=NEW_YORK),
                "ends": datetime(2025, 11, 2, 1, 45, tzinfo=NEW_YORK),
            },
            "ends before it starts",
        ),
    ],
)
def test_times_that_mean_nothing_are_refused(times, sentence):
    with pytest.raises(ValueError, match=sentence):
        replace(TRAINING, **times)


def test_events_given_twice_are_refused_by_name():
    with pytest.raises(ValueError, match="more than once: go-live"):
        published(GO_LIVE, GO_LIVE)
