"""Sessions mailed to whom they ask, as three readers of calendar files see them (RFC 5546, RFC 6047)."""

from datetime import date

import icalendar
import ics
import pytest
import vobject

from gtm.core.places import filestore
from plans.commands.launch_program.records import call_off_events
from plans.engine.notices import delivery
from plans.models import Notification, NotificationPreference
from plans.runs import revise
from programs.models import Approver, Person, Role
from tests.plans.commands.launch_program.test_program import IN_TIME
from tests.plans.conftest import output_of, start, work_off

pytestmark = pytest.mark.usefixtures("organisation")
SALES = "Customer Advocates: Training: sales"


def _day(value):
    return value if type(value) is date else value.date()


def by_vobject(text):
    calendar = vobject.readOne(text)
    for event in calendar.vevent_list:
        told = (event.status.value, int(event.sequence.value), _day(event.dtstart.value))
        yield event.uid.value, (event.summary.value, calendar.method.value, *told)


def by_icalendar(text):
    calendar = icalendar.Calendar.from_ical(text)
    for event in calendar.walk("VEVENT"):
        told = (str(event["STATUS"]), int(event["SEQUENCE"]), _day(event.decoded("DTSTART")))
        yield str(event["UID"]), (str(event["SUMMARY"]), str(calendar["METHOD"]), *told)


def by_ics(text):
    calendar = ics.Calendar(text)
    for event in calendar.events:
        (sequence,) = (line.value for line in event.extra if line.name == "SEQUENCE")
        told = (event.status, int(sequence), event.begin.date())
        yield event.uid, (event.name, calendar.method, *told)


READERS = pytest.mark.parametrize("read", [by_vobject, by_icalendar, by_ics])


class Diary:
    """A calendar that does as RFC 5546 says: a higher sequence counts, CANCEL takes the event out."""

    def __init__(self, read):
        self._read, self.events = read, {}

    def take(self, *files):
        for text in files:
            for uid, (title, method, status, sequence, day) in self._read(text):
                if sequence >= self.events.get(uid, ("", "", -1, None))[2]:
                    off = "CANCELLED" if method == "CANCEL" else status
                    self.events[uid] = (title, off, sequence, day)
        return self

    def of(self, title):
        return [told[1:] for told in self.events.values() if told[0] == title]


def calendar_of(plan, key="launch-calendar"):
    return filestore.read(plan.artifacts.filter(key=key).order_by("pk").last().payload["path"]).decode()


def mails(outbox, address):
    """What reached somebody since: method and file of each invitation."""
    delivery.work_off()
    found = []
    for mail in outbox:
        if mail.to == [address] and mail.alternatives:
            text, kind = mail.alternatives[0]
            attached = next(content for name, content, _ in mail.attachments if name == "invite.ics")
            assert attached.decode() == text
            found.append((kind, text))
    outbox.clear()
    return found


def scheduled(line=IN_TIME):
    return work_off(start(line), "checklist", "sessions")


def again(plan, changed, why):
    revise.change(plan, changed, comment=why, fresh_data=not changed)
    return work_off(plan, "checklist", "sessions")


@pytest.fixture
def sara():
    return Person.objects.get(name="Sara Lind")


@READERS
def test_an_event_of_a_moved_launch_moves_under_its_uid(read, mailoutbox, sara):
    plan = scheduled()
    diary = Diary(read).take(calendar_of(plan))
    own = Diary(read).take(*(text for _, text in mails(mailoutbox, sara.email)))
    assert own.of(SALES) == [("CONFIRMED", 0, date(2026, 4, 8))]
    again(plan, {"launch_date": "2026-04-22"}, "A week later.")
    sent = mails(mailoutbox, sara.email)
    assert {kind for kind, _ in sent} == {"text/calendar; method=REQUEST; charset=utf-8"}
    diary.take(calendar_of(plan))
    own.take(*(text for _, text in sent))
    assert diary.of(SALES) == own.of(SALES) == [("CONFIRMED", 1, date(2026, 4, 15))]
    assert diary.of("Customer Advocates: go-live") == [("CONFIRMED", 1, date(2026, 4, 22))]


@READERS
def test_a_session_of_a_channel_that_is_taken_away_is_called_off(read, mailoutbox):
    paul = Person.objects.get(name="Paul Nguyen")
    plan = scheduled(IN_TIME.replace("email,in-app", "email,partner"))
    diary, own = Diary(read).take(calendar_of(plan)), Diary(read)
    own.take(*(text for _, text in mails(mailoutbox, paul.email)))
    title = "Customer Advocates: Enablement: partners"
    assert own.of(title)[0][:2] == ("CONFIRMED", 0)
    again(plan, {"channels": "email"}, "Without partners.")
    (sent,) = mails(mailoutbox, paul.email)
    assert sent[0].startswith("text/calendar; method=CANCEL")
    assert diary.take(calendar_of(plan)).of(title)[0][:2] == ("CANCELLED", 1)
    assert own.take(sent[1]).of(title)[0][:2] == ("CANCELLED", 1)


@READERS
def test_whoever_is_no_longer_asked_gets_it_taken_out_and_the_others_keep_it(read, mailoutbox, sara):
    other = Person(name="Ona Ito", email="ona@demo.example", country="US", time_zone="UTC")
    other.save()
    seat = Approver(person=other, role=Role.objects.get(slug="sales"))
    seat.save()
    plan = scheduled()
    hers, onas = (
        Diary(read).take(*(text for _, text in mails_of))
        for mails_of in _both(mailoutbox, sara.email, other.email)
    )
    seat.delete()
    again(plan, {}, "Ona has another post.")
    stays, gone = _both(mailoutbox, sara.email, other.email)
    assert hers.take(*(text for _, text in stays)).of(SALES) == [("CONFIRMED", 1, date(2026, 4, 8))]
    assert onas.take(*(text for _, text in gone)).of(SALES) == [("CANCELLED", 1, date(2026, 4, 8))]


def _both(outbox, first, second):
    delivery.work_off()
    kept = list(outbox)
    found = mails(outbox, first)
    outbox.extend(kept)
    return found, mails(outbox, second)


@READERS
def test_an_aborted_launch_takes_all_its_events_out(read, mailoutbox, sara, acting):
    plan = scheduled()
    diary, own = Diary(read).take(calendar_of(plan)), Diary(read)
    own.take(*(text for _, text in mails(mailoutbox, sara.email)))
    call_off_events(plan, {})
    sent = mails(mailoutbox, sara.email)
    diary.take(calendar_of(plan, "launch-calendar-called-off"))
    own.take(*(text for _, text in sent))
    assert {told[1] for told in diary.events.values()} == {"CANCELLED"}
    assert {told[1] for told in own.events.values()} == {"CANCELLED"} and own.events


@READERS
def test_a_second_launch_touches_no_event_of_the_first(read, mailoutbox, sara):
    first = scheduled()
    diary = Diary(read).take(calendar_of(first))
    own = Diary(read).take(*(text for _, text in mails(mailoutbox, sara.email)))
    second = scheduled(IN_TIME.replace("2026-04-15", "2026-05-20"))
    diary.take(calendar_of(second))
    own.take(*(text for _, text in mails(mailoutbox, sara.email)))
    both = [("CONFIRMED", 0, date(2026, 4, 8)), ("CONFIRMED", 0, date(2026, 5, 13))]
    assert sorted(diary.of(SALES)) == sorted(own.of(SALES)) == both


def test_nobody_is_sent_the_same_revision_twice_or_one_that_a_later_one_replaces(mailoutbox, sara):
    plan = scheduled()
    again(plan, {"launch_date": "2026-04-22"}, "Before anything went out.")
    sent = mails(mailoutbox, sara.email)
    sequences = [told[3] for _, text in sent for _, told in by_icalendar(text)]
    assert set(sequences) == {1}
    again(plan, {}, "Nothing new.")
    assert mails(mailoutbox, sara.email) == []
    reasons = Notification.objects.filter(person=sara, state="cancelled", notice__kind="invitation")
    assert reasons.count() == len(sequences)


def test_whoever_wants_no_invitations_by_mail_gets_none_and_the_page_says_so(mailoutbox, sara):
    NotificationPreference(person=sara, muted_kinds=["invitation"]).save()
    plan = scheduled()
    assert mails(mailoutbox, sara.email) == []
    rows = {row[0]: row[4] for row in plan.artifacts.get(key="sessions").payload["rows"]}
    assert rows[SALES] == "not by mail, as they wish: Sara Lind"
    assert output_of(plan, "sessions")["sessions"]


def test_people_who_are_told_of_a_session_read_when_it_begins_where_they_are(mailoutbox, sara):
    sara.time_zone = "Europe/Stockholm"
    sara.save()
    scheduled()
    delivery.work_off()
    (mail,) = (m for m in mailoutbox if m.to == [sara.email] and m.subject == f"Invitation: {SALES}")
    assert "It begins Wed 2026-04-08 12:00 Europe/Stockholm (10:00 UTC)." in mail.body
