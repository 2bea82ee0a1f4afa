"""Calendar files for sessions and milestones (RFC 5545), revised as RFC 5546 asks.

A calendar program recognises an event by its UID and believes the highest SEQUENCE: the UID comes from the
event's key alone, and the sequence rises with every change of what an attendee sees.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Alarm, Calendar, Event, vCalAddress, vText
from icalendar.enums import STATUS, TRANSP

PRODUCT = "-//GTM Governance//Launch calendar//EN"
PUBLISH, REQUEST, CANCEL = "PUBLISH", "REQUEST", "CANCEL"


@dataclass(frozen=True, slots=True)
class Attendee:
    """Somebody with an e-mail address and the name to show."""

    email: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """A training or a review: ``starts`` and ``ends`` in one IANA zone, so that it keeps its wall clock.

    ``key`` is unique among the events of an organisation and never changes. ``remind`` is before the start.
    Raises ValueError for times without an IANA zone, in different zones, or in the wrong order.
    """

    key: str
    title: str
    starts: datetime
    ends: datetime
    description: str = ""
    location: str = ""
    url: str = ""
    organizer: Attendee | None = None
    attendees: tuple[Attendee, ...] = ()
    remind: timedelta | None = None
    is_cancelled: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.starts.tzinfo, ZoneInfo) or self.starts.tzinfo != self.ends.tzinfo:
            raise ValueError(f"{self.title}: both times need one IANA time zone.")
        if self.ends.timestamp() <= self.starts.timestamp():
            raise ValueError(f"{self.title} ends before it starts.")


@dataclass(frozen=True, slots=True)
class Milestone:
    """A whole day that keeps nobody busy: a due date, a go-live, a review day."""

    key: str
    title: str
    day: date
    description: str = ""
    url: str = ""
    is_cancelled: bool = False


CalendarEvent = Session | Milestone


@dataclass(frozen=True, slots=True)
class Revision:
    """What was last sent for an event: kept by the caller, given back at the next change."""

    sequence: int
    sha256: str
    changed_at: datetime


def revise(event: CalendarEvent, previous: Revision | None, *, now: datetime) -> Revision:
    """The event's revision: ``previous`` itself while nothing has changed, else one sequence further."""
    content = json.dumps(asdict(event), sort_keys=True, default=_canonical)
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    if previous is None:
        return Revision(0, sha256, now)
    return previous if previous.sha256 == sha256 else Revision(previous.sequence + 1, sha256, now)


def uid_of(key: str, domain: str) -> str:
    """The event's UID: the same for ever for a key within ``domain`` (RFC 7986 wants it opaque)."""
    return f"{uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_DNS, domain), key)}@{domain}"


def calendar_file(events: Sequence[tuple[CalendarEvent, Revision]], *, name: str, domain: str) -> bytes:
    """An .ics file to subscribe to or import: all events, in order of time and key, without attendees.

    The same events and revisions give the same bytes: every stamp is the revision's.
    Raises ValueError naming the keys given more than once.
    """
    keys = [event.key for event, _ in events]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise ValueError(f"Events given more than once: {', '.join(twice)}.")
    ordered = sorted(events, key=lambda pair: (_first_day(pair[0]), pair[0].key))
    return _file(ordered, PUBLISH, domain, uid_of(f"calendar {name}", domain), name)


def invitation(session: Session, revision: Revision, *, domain: str) -> bytes:
    """An .ics file that asks the attendees of one session, or takes a cancelled one out of their calendars.

    Raises ValueError for a session without an organizer or without attendees.
    """
    if session.organizer is None or not session.attendees:
        raise ValueError(f"{session.title}: an invitation needs an organizer and attendees.")
    method = CANCEL if session.is_cancelled else REQUEST
    return _file([(session, revision)], method, domain, uid_of(f"invitation {session.key}", domain))


def called_off(content: bytes, *, now: datetime) -> bytes:
    """A file that was handed out, one revision further, with every event cancelled: whoever reads it again
    takes them out of their calendar (RFC 5546, 3.2.5)."""
    calendar = Calendar.from_ical(content)
    if calendar.get("METHOD") == REQUEST:
        calendar["METHOD"] = vText(CANCEL)
    for event in calendar.walk("VEVENT"):
        for name in ("STATUS", "SEQUENCE", "DTSTAMP", "LAST-MODIFIED"):
            before = event.pop(name, None)
            if name == "SEQUENCE":
                event.add("sequence", int(before or 0) + 1)
        event.add("status", "CANCELLED")
        event.add("dtstamp", now.astimezone(UTC))
        event.add("last-modified", now.astimezone(UTC))
        event.subcomponents = [part for part in event.subcomponents if part.name != "VALARM"]
    cancelled: bytes = calendar.to_ical()
    return cancelled


def _file(
    events: Sequence[tuple[CalendarEvent, Revision]],
    method: str,
    domain: str,
    uid: str,
    name: str | None = None,
) -> bytes:
    calendar = Calendar.new(name=name, uid=uid, prodid=PRODUCT, method=method)
    for event, revision in events:
        calendar.add_component(_component(event, revision, uid_of(event.key, domain), method))
    if events:
        # Whole years, so that moving a session by a month does not change the rules of its zone.
        years = [_first_day(event).year for event, _ in events]
        calendar.add_missing_timezones(date(min(years), 1, 1), date(max(years) + 2, 1, 1))
        _put_onsets_right(calendar)
    content: bytes = calendar.to_ical()
    return content


def _put_onsets_right(calendar: Calendar) -> None:
    """An onset is told in the offset that it ends (RFC 5545, 3.6.5).

    The library tells it in the new one where clocks go forward, an hour late for a reader without zones of
    its own. An onset that is right already, by a later release, stays.
    """
    for zone in calendar.timezones:
        rules = ZoneInfo(zone.tz_name)
        for observance in zone.subcomponents:
            before, after = observance.TZOFFSETFROM, observance.TZOFFSETTO
            onsets = [
                _onset(told, before, after, rules)
                for told in [observance.DTSTART, *(day for day, *_ in observance.rdates)]
            ]
            observance.DTSTART = onsets[0]
            if "RDATE" in observance:
                del observance["RDATE"]
                observance.add("RDATE", onsets[1:])


def _onset(told: datetime, before: timedelta, after: timedelta, rules: ZoneInfo) -> datetime:
    just_before = (told - before - timedelta(seconds=1)).replace(tzinfo=UTC)
    is_late = before < after == just_before.astimezone(rules).utcoffset()
    return told - (after - before) if is_late else told


def _component(event: CalendarEvent, revision: Revision, uid: str, method: str) -> Event:
    start: date
    end: date
    if isinstance(event, Session):
        start, end = event.starts, event.ends
    else:
        start, end = event.day, event.day + timedelta(days=1)
    component = Event.new(
        uid=uid,
        summary=event.title,
        start=start,
        end=end,
        stamp=revision.changed_at,
        last_modified=revision.changed_at,
        sequence=revision.sequence,
        description=event.description or None,
        url=event.url or None,
        status=STATUS.CANCELLED if event.is_cancelled else STATUS.CONFIRMED,
        transparency=TRANSP.OPAQUE if isinstance(event, Session) else TRANSP.TRANSPARENT,
    )
    if isinstance(event, Session):
        _add_people_and_place(component, event, method)
    return component


def _add_people_and_place(component: Event, session: Session, method: str) -> None:
    if session.location:
        component.add("location", session.location)
    if session.organizer:
        component.add("organizer", _address(session.organizer))
    # RFC 5546: what is published to everybody names no attendees.
    for attendee in session.attendees if method != PUBLISH else ():
        address = _address(attendee)
        address.params["ROLE"] = vText("REQ-PARTICIPANT")
        address.params["RSVP"] = vText("TRUE")
        component.add("attendee", address)
    if session.remind is not None:
        alarm = Alarm.new(description=session.title)
        alarm.add("action", "DISPLAY")
        alarm.add("trigger", -session.remind)
        component.add_component(alarm)


def _address(person: Attendee) -> vCalAddress:
    address = vCalAddress(f"mailto:{person.email}")
    if person.name:
        address.params["CN"] = vText(person.name)
    return address


def _first_day(event: CalendarEvent) -> date:
    return event.starts.date() if isinstance(event, Session) else event.day


def _canonical(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value.isoformat()} {value.tzinfo}"
    return str(value)
