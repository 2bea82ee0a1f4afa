"""Step 4, training and enablement: sessions and milestones as calendar files, FAQ, help-centre list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gtm.core.places.calendars import WorkingCalendar
from plans.commands.launch_program.facts import audiences, material_of
from plans.commands.launch_program.steps.events import briefings_of, reviews_of
from plans.commands.launch_program.steps.languages import in_a_key, in_words
from plans.commands.launch_program.steps.timetable import Calendar, calendars_by_email, program_calendar
from plans.engine.running.kept_files import kept_file
from plans.engine.running.steps import PermanentError, StepContext
from plans.schemas.outputs import Column, Document, Output, Section, StepResult, Table
from programs.analytics.bundle import pack
from programs.analytics.ical import (
    Attendee,
    CalendarEvent,
    Milestone,
    Revision,
    Session,
    calendar_file,
    invitation,
    revise,
)
from programs.analytics.templating import TemplatingError
from programs.models import Asset
from programs.outreach.communications import Piece, render_pieces
from programs.schemas.launch_events import Briefing

REMINDER = timedelta(minutes=15)
CALLED_OFF = "called off"
_ITEM = re.compile(r"(?:[-*]|\d+\.) +")


def schedule_sessions(context: StepContext) -> StepResult:
    """Sessions, milestones, FAQ and help-centre entries of the launch.

    Values: ``sessions`` (key, title, starts, ends, teams, late), ``help_centre``, ``revisions`` by key of
    event, which ``keep_revisions`` stores. Milestones of an output ``runbook`` come along.
    """
    launch = material_of(context)
    held, milestones = list(_sessions(context, launch)), list(_milestones(context))
    events: list[Session | Milestone] = [*(session for session, _ in held), *milestones]
    handed_out = _handed_out(context)
    revisions = {event.key: _revised(event, handed_out, context.now) for event in events}
    pieces = _reading(context, launch)
    return StepResult(
        values={
            "sessions": [
                _told(session, briefing, context) for session, briefing in held if not session.is_cancelled
            ],
            "help_centre": [_entry(piece) for piece in pieces],
            "revisions": {
                key: asdict(revision) | {"attendees": _attendees(held, key)}
                for key, revision in revisions.items()
            },
        },
        outputs=[
            _table(held, milestones, context, launch),
            *_calendars(held, milestones, revisions, context, launch),
            *(_faq(piece, launch) for piece in pieces if piece.asset == Asset.FAQ),
            _help_centre(pieces),
        ],
    )


# ------------------------------------------------------------------ events


def _sessions(context: StepContext, launch: Mapping[str, Any]) -> Iterator[tuple[Session, Briefing]]:
    """What the channels ask for; what was handed out and is asked for no more is called off."""
    zone = ZoneInfo(context.program["time_zone"])
    calendar = program_calendar(context.program)
    earliest = calendar.add_business_days(context.now.astimezone(zone).date(), 1)
    day_of_launch = _launch_day(context)
    calendars = calendars_by_email(context.program)
    for briefing, is_asked in briefings_of(context.inputs, context.program):
        if not is_asked and _key(context, briefing.key) not in _handed_out(context):
            continue
        # A day that has gone by is no day for a session: the next one that people can still attend.
        wanted = max(calendar.add_business_days(day_of_launch, briefing.days), earliest)
        people = {p["email"]: p for team in briefing.teams for p in launch["contacts"].get(team, ())}
        first = day_of_launch if briefing.days > 0 else earliest
        last = None if briefing.days > 0 or wanted >= day_of_launch else day_of_launch
        day = _day_for([calendars[e] for e in people if e in calendars], wanted, calendar, first, last)
        starts = datetime.combine(day, briefing.at, zone)
        yield (
            Session(
                key=_key(context, briefing.key),
                title=f"{context.program['name']}: {briefing.title}",
                starts=starts,
                ends=starts + timedelta(minutes=briefing.minutes),
                description=briefing.agenda,
                organizer=Attendee(**_named(launch["owner"])) if launch["owner"] else None,
                attendees=tuple(Attendee(**_named(people[email])) for email in sorted(people)),
                remind=REMINDER if is_asked else None,
                is_cancelled=not is_asked,
            ),
            briefing,
        )
    yield from _no_longer_named(context, launch)


def _no_longer_named(context: StepContext, launch: Mapping[str, Any]) -> Iterator[tuple[Session, Briefing]]:
    """What was handed out with attendees and stands in no runbook any more is called off. A reader goes by its
    UID and sequence; when it was is not known here any more, so the launch day stands for it."""
    named = {_key(context, briefing.key) for briefing, _ in briefings_of(context.inputs, context.program)}
    zone = ZoneInfo(context.program["time_zone"])
    for key, told in sorted(_handed_out(context).items()):
        if key in named or not told.get("attendees"):
            continue
        own = key.rpartition("/")[2]
        starts = datetime.combine(_launch_day(context), time(9), zone)
        session = Session(
            key=key,
            title=f"{context.program['name']}: {own.replace('-', ' ')}",
            starts=starts,
            ends=starts + timedelta(minutes=30),
            organizer=Attendee(**_named(launch["owner"])) if launch["owner"] else None,
            attendees=tuple(Attendee(one["email"], one["name"]) for one in told["attendees"]),
            is_cancelled=True,
        )
        yield session, Briefing(own, session.title, 0, time(9), 30, ())


def _day_for(
    attendees: Sequence[Calendar], wanted: date, calendar: WorkingCalendar, first: date, last: date | None
) -> date:
    """The day nearest to ``wanted`` on which most of them work, within two weeks and before ``last``."""
    days = [wanted, *(calendar.add_business_days(wanted, n * sign) for n in range(1, 11) for sign in (-1, 1))]
    possible = [day for day in days if day >= first and (last is None or day < last)] or [wanted]
    return max(possible, key=lambda day: sum(each.is_business_day(day) for each in attendees))


def _milestones(context: StepContext) -> Iterator[Milestone]:
    name, launch = context.program["name"], _launch_day(context)
    yield Milestone(_key(context, "go-live"), f"{name}: go-live", launch)
    reviewed = [review.day for review in reviews_of(context.inputs, context.program)]
    for number in reviewed:
        title = f"{name}: review, day {number}"
        yield Milestone(_key(context, f"review-{number}"), title, launch + timedelta(days=number))
    asked = {_key(context, key) for key in ("go-live", *(f"review-{number}" for number in reviewed))}
    for told in context.outputs.get("runbook", {}).get("milestones", ()):
        day = date.fromisoformat(told["day"])
        asked.add(_key(context, told["key"]))
        yield Milestone(_key(context, told["key"]), f"{name}: {told['title']}", day)
    sessions = {_key(context, briefing.key) for briefing, _ in briefings_of(context.inputs, context.program)}
    handed_out = _handed_out(context)
    for key in sorted(handed_out.keys() - asked - sessions):
        if handed_out[key].get("attendees"):
            continue  # a session: called off as such
        title = key.rpartition("/")[2].replace("-", " ")
        yield Milestone(key, f"{name}: {title}", launch, is_cancelled=True)


def _launch_day(context: StepContext) -> date:
    return date.fromisoformat(context.inputs["launch_date"])


def _key(context: StepContext, key: str) -> str:
    """An event of a launch keeps its key when the launch moves; another launch has events of its own."""
    return f"{_series(context)}{key}"


def _series(context: StepContext) -> str:
    return f"{context.program['slug']}/{context.plan_id}/"


def _handed_out(context: StepContext) -> dict[str, Any]:
    """What this launch handed out before; events of other launches are theirs."""
    series = _series(context)
    return {key: told for key, told in context.program["calendar"].items() if key.startswith(series)}


def _named(person: Mapping[str, str]) -> dict[str, str]:
    return {"email": person["email"], "name": person["name"]}


def _revised(event: CalendarEvent, handed_out: Mapping[str, Any], now: datetime) -> Revision:
    told = handed_out.get(event.key)
    before = told and Revision(told["sequence"], told["sha256"], datetime.fromisoformat(told["changed_at"]))
    return revise(event, before, now=now)


def _attendees(held: Sequence[tuple[Session, Briefing]], key: str) -> list[dict[str, str]]:
    """Who is asked to a session: whoever is not any more is told next time."""
    found = (session for session, _ in held if session.key == key and not session.is_cancelled)
    return [{"email": a.email, "name": a.name} for session in found for a in session.attendees]


def _no_longer_asked(session: Session, told: Mapping[str, Any] | None) -> tuple[Attendee, ...]:
    now = {attendee.email for attendee in session.attendees}
    before = (Attendee(one["email"], one["name"]) for one in (told or {}).get("attendees", ()))
    return () if session.is_cancelled else tuple(one for one in before if one.email not in now)


def _changed(revisions: Mapping[str, Revision], handed_out: Mapping[str, Any]) -> int:
    return sum(handed_out.get(key, {}).get("sha256") != found.sha256 for key, found in revisions.items())


def _is_late(session: Session, briefing: Briefing, context: StepContext) -> bool:
    """Whether a session meant before the launch no longer is."""
    return briefing.days < 0 and session.starts.date() >= _launch_day(context)


# ------------------------------------------------------------------ what comes of them


def _calendars(
    held: Sequence[tuple[Session, Briefing]],
    milestones: Sequence[Milestone],
    revisions: Mapping[str, Revision],
    context: StepContext,
    launch: Mapping[str, Any],
) -> Iterator[Output]:
    name = f"Launch of {context.program['name']}"
    events: list[CalendarEvent] = [*(session for session, _ in held), *milestones]
    content = calendar_file(
        [(event, revisions[event.key]) for event in events], name=name, domain=launch["domain"]
    )
    yield kept_file("launch-calendar", "Launch calendar", content, "ics", "text/calendar")
    invitations = {
        f"{briefing.key}{'-called-off' if session.is_cancelled else ''}.ics": invitation(
            session, revisions[session.key], domain=launch["domain"]
        )
        for session, briefing in held
        if session.organizer and session.attendees
    }
    for session, briefing in held:
        told = context.program["calendar"].get(session.key)
        if (gone := _no_longer_asked(session, told)) and session.organizer:
            off = replace(session, attendees=gone, is_cancelled=True, remind=None)
            name = f"{briefing.key}-no-longer-asked.ics"
            invitations[name] = invitation(off, revisions[session.key], domain=launch["domain"])
    if invitations:
        archive = pack(invitations, {"program": context.program["name"]})
        yield kept_file("invitations", "Invitations to the sessions", archive, "zip", "application/zip")


def _table(
    held: Sequence[tuple[Session, Briefing]],
    milestones: Sequence[Milestone],
    context: StepContext,
    launch: Mapping[str, Any],
) -> Table:
    rows = []
    for session, briefing in held:
        invited = ", ".join(person.name or person.email for person in session.attendees)
        late = "not before the launch" if _is_late(session, briefing, context) else ""
        unmailed = [] if session.is_cancelled else _not_mailed(session, briefing, launch)
        by_hand = f"not by mail, as they wish: {', '.join(unmailed)}" if unmailed else ""
        note = CALLED_OFF if session.is_cancelled else "; ".join(filter(None, (late, by_hand)))
        rows.append([session.title, session.starts.date().isoformat(), f"{session.starts:%H:%M}–{session.ends:%H:%M}",
                     invited or f"nobody holds {', '.join(briefing.teams)}", note])  # fmt: skip
    for milestone in milestones:
        note = CALLED_OFF if milestone.is_cancelled else ""
        rows.append([milestone.title, milestone.day.isoformat(), "", "", note])
    return Table(
        "sessions",
        "Sessions and milestones",
        [Column("event", "Event"), Column("day", "Day", "date"), Column("time", "Time"), Column("invited", "Invited"),
         Column("note", "Note")],
        sorted(rows, key=lambda row: (row[1], row[2], row[0])),
        f"{'' if held else 'The runbooks of this launch name no session. '}Times in {context.program['time_zone']}. "
        "Invitations go out by mail. The calendar file updates events that were handed out before.",
    )  # fmt: skip


def _not_mailed(session: Session, briefing: Briefing, launch: Mapping[str, Any]) -> list[str]:
    """Who is asked and gets no mail of it: invitations muted, or no mail at all."""
    people = (one for team in briefing.teams for one in launch["contacts"].get(team, ()))
    unmailed = {one["email"] for one in people if not one.get("is_mailed", True)}
    return [person.name or person.email for person in session.attendees if person.email in unmailed]


def _told(session: Session, briefing: Briefing, context: StepContext) -> dict[str, Any]:
    return {
        "key": briefing.key,
        "title": session.title,
        "starts": session.starts.isoformat(),
        "ends": session.ends.isoformat(),
        "teams": list(briefing.teams),
        "invited": len(session.attendees),
        "late": _is_late(session, briefing, context),
    }


# ------------------------------------------------------------------ reading


def _reading(context: StepContext, launch: Mapping[str, Any]) -> list[Piece]:
    heard = audiences(context.inputs.get("segments"))
    try:
        pieces = render_pieces(launch, context.program, context.inputs, heard)
    except TemplatingError as error:
        raise PermanentError("The FAQ cannot be rendered: " + " ".join(error.problems)) from error
    return [piece for piece in pieces if piece.asset in (Asset.FAQ, Asset.HELP_ARTICLE)]


def _faq(piece: Piece, launch: Mapping[str, Any]) -> Document:
    """The Markdown of the template as sections: a question a heading."""
    sections = []
    for block in re.split(r"^## +", piece.body, flags=re.MULTILINE)[1:]:
        question, *lines = [line.strip() for line in block.splitlines() if line.strip()]
        items = [line for line in lines if _ITEM.match(line)]
        said = " ".join(line for line in lines if not _ITEM.match(line))
        sections.append(Section(question, [said] if said else [], [_ITEM.sub("", item) for item in items]))
    return Document(
        f"{piece.key}{in_a_key(piece, launch)}", f"{piece.title}{in_words(piece, launch)}", sections
    )


def _entry(piece: Piece) -> dict[str, Any]:
    return {"title": piece.title, "path": piece.path, "template": piece.key, "version": piece.version}


def _help_centre(pieces: Sequence[Piece]) -> Table:
    return Table(
        "help-centre",
        "Help centre",
        [Column("title", "Entry"), Column("path", "Text in the kit"), Column("version", "Version", "integer"),
         Column("links", "Links", "integer")],
        [[piece.title, piece.path, piece.version, len(piece.links)] for piece in pieces],
        "Publish or update these entries before the launch.",
    )  # fmt: skip
