"""``manage.py rota schedule|override|end``: who is on call, and who takes a turn instead."""

from __future__ import annotations

from argparse import SUPPRESS
from datetime import UTC, datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from gtm.core import actors
from gtm.core.actors import acting_as
from gtm.core.cli import GovernedCommand
from gtm.core.errors import InvalidInput, NotFound, NotPermitted, Problem
from plans.engine.escalation import rota_texts
from plans.runs import on_call
from programs.models import Person, RotaOverride


class Command(GovernedCommand):
    help = "Show who is on call by the rotas of ladders; override a turn, or end an override"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        acts = parser.add_subparsers(dest="act", required=True)
        schedule = acts.add_parser("schedule", help="who is on call in the next weeks, in UTC")
        schedule.add_argument("--weeks", type=int, default=on_call.WEEKS)
        override = acts.add_parser("override", help="somebody else has the turn; a second person agrees")
        override.add_argument("rota", help="its name, as the ladder has it")
        override.add_argument("person", help="e-mail address of who takes the turn")
        override.add_argument("--from", dest="starts_at", required=True, help="e.g. 2026-12-07T18:00Z")
        override.add_argument("--until", dest="ends_at", required=True, help="e.g. 2026-12-08T08:00Z")
        end = acts.add_parser("end", help="take an override back; a second person agrees")
        end.add_argument("number", type=int, help="its number, as schedule printed it")
        for one in (override, end):
            one.add_argument("--reason", required=True)
            one.add_argument("--as", dest="username", metavar="USER", default=SUPPRESS)

    def act(self, **options: Any) -> None:
        if options["act"] == "schedule":
            self._show(options["weeks"])
            return
        acting = actors.current()
        needed = "add" if options["act"] == "override" else "delete"
        if not acting.actor.is_system and not acting.actor.user.has_perm(f"programs.{needed}_rotaoverride"):
            raise NotPermitted("You need the permission to change overrides of rotas.")
        with acting_as(acting.actor, options["reason"], acting.on_behalf_of):
            if options["act"] == "override":
                row = _override(options)
                self.stdout.write(f"Override {row.pk}: {row}")
            else:
                row = RotaOverride.objects.filter(pk=options["number"]).first()
                if row is None:
                    raise NotFound(f"There is no override {options['number']}.")
                told = str(row)
                row.delete()
                self.stdout.write(f"Taken back: {told}")

    def _show(self, weeks: int) -> None:
        found = on_call.schedules(weeks)
        if not found:
            self.stdout.write("No ladder has a rota.")
        for one in found:
            self.stdout.write(f"{rota_texts.in_words_of(one.rota)}\n  on {'; '.join(one.stands)}")
            for override in one.overrides:
                self.stdout.write(f"  override {override.pk}: {override}: {override.reason}")
            for zone in one.zones:
                self.stdout.write(f"  {', '.join(zone.programs)} ({zone.zone})")
                for shift in zone.shifts:
                    span = " – ".join(
                        f"{at.astimezone(UTC):%a %Y-%m-%d %H:%M}" for at in (shift.starts_at, shift.ends_at)
                    )
                    reasons = f"  ({shift.on_call.reasons})" if shift.on_call.reasons else ""
                    self.stdout.write(f"    {span}  {shift.on_call.person or 'NOBODY'}{reasons}")


def _override(options: dict[str, Any]) -> RotaOverride:
    person = Person.objects.filter(email=options["person"]).first()
    problems = [] if person else [Problem("person", f"“{options['person']}” is nobody's address.")]
    times: dict[str, datetime] = {}
    for name, flag in (("starts_at", "--from"), ("ends_at", "--until")):
        try:
            found = parse_datetime(options[name])
        except ValueError:
            found = None
        if found is None or found.tzinfo is None:
            problems.append(
                Problem(flag, f"“{options[name]}” is no time with a zone, e.g. 2026-12-07T18:00Z.")
            )
        else:
            times[name] = found
    if problems:
        raise InvalidInput("The rota is not overridden.", problems=problems)
    row = RotaOverride(rota=options["rota"], person=person, reason=options["reason"], **times)
    row.save()
    return row
