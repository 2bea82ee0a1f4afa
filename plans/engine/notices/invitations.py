"""Invitations to meetings that a task leaves behind: mailed to whom each asks, or no longer asks (RFC 6047).

A task leaves them as an output, an archive of iCalendar files of one event each. Whoever was told of a
revision is not told again; one that is older than what its reader has is not sent.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from icalendar import Calendar, Component

from gtm.core.places import filestore
from gtm.core.places.messages import CalendarPart
from plans.engine.notices import table
from plans.models import Notice, NoticeKind, Plan
from programs.models import Person


@dataclass(frozen=True, slots=True)
class _Invitation:
    """One file of an archive, ``people`` by their keys: addresses stay in the file."""

    archive: str
    file: str
    method: str
    uid: str
    sequence: int
    people: list[int]
    title: str
    starts: str


def hand_out(plan: Plan, archive: str) -> int:
    """Put the invitations of an archive, a path in the file store, into the outbox: how many are new."""
    return sum(
        table.notify(
            NoticeKind.INVITATION,
            plan,
            key=f"{NoticeKind.INVITATION}:{one.uid}:{one.sequence}:{one.method}",
            facts=asdict(one),
        )
        for one in _read(archive)
    )


def _read(archive: str) -> Iterator[_Invitation]:
    with zipfile.ZipFile(io.BytesIO(filestore.read(archive))) as packed:
        for name in sorted(packed.namelist()):
            if name.endswith(".ics"):
                yield _invitation(archive, name, packed.read(name))


def _invitation(archive: str, name: str, content: bytes) -> _Invitation:
    calendar = Calendar.from_ical(content)
    (event,) = calendar.walk("VEVENT")
    people = Person.objects.filter(email__in=_asked(event)).order_by("pk")
    return _Invitation(
        archive,
        name,
        str(calendar["METHOD"]),
        str(event["UID"]),
        int(event.get("SEQUENCE", 0)),
        list(people.values_list("pk", flat=True)),
        str(event.get("SUMMARY", "")),
        event.decoded("DTSTART").isoformat(),
    )


def _asked(event: Component) -> list[str]:
    found: Any = event.get("ATTENDEE", [])
    addresses = found if isinstance(found, list) else [found]
    return [str(address).partition(":")[2] for address in addresses]


def recipients(notice: Notice, plan: Plan) -> list[Person]:
    return list(Person.objects.filter(pk__in=notice.facts["people"]).order_by("pk"))


def pointless(notice: Notice, plan: Plan, person: Person) -> str | None:
    """An invitation has no point once a later one about the same event goes to the same person."""
    later = Notice.objects.filter(kind=NoticeKind.INVITATION, plan=plan, pk__gt=notice.pk)
    same = later.filter(facts__uid=notice.facts["uid"])
    is_replaced = any(person.pk in other.facts["people"] for other in same)
    return "A later invitation takes its place." if is_replaced else None


def part_of(notice: Notice) -> CalendarPart | None:
    """What a mail about the notice carries for calendar programs; None where it is about something else."""
    if notice.kind != NoticeKind.INVITATION:
        return None
    told = notice.facts
    with zipfile.ZipFile(io.BytesIO(filestore.read(told["archive"]))) as packed:
        return CalendarPart(told["method"], packed.read(told["file"]))
