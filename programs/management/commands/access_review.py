"""``manage.py access_review [--at TIME] [--format json|csv]``: who could do what at an instant."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gtm.core import canonical, clock
from gtm.core.actors import COMMAND_LINE, Actor, acting_as, operating_system_user
from gtm.core.cli import BAD_INPUT
from gtm.core.evidence import departures
from programs import access_review
from programs.models import Person


class Command(BaseCommand):
    help = "Seats, delegations, substitutes, groups and permissions as they stood at an instant"

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--at", help="date (its end, UTC) or RFC 3339 time; now without it")
        parser.add_argument("--format", choices=("json", "csv"), default="json")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            at = access_review.instant_of(options["at"]) if options["at"] else clock.now()
        except ValueError as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        grants = access_review.review(at)
        if options["format"] == "csv":
            text = access_review.as_csv(grants)
        else:
            body = {"at": canonical.rfc3339(at), "grants": [asdict(grant) for grant in grants]}
            text = json.dumps(body, indent=2, ensure_ascii=False) + "\n"
        actor = Actor.system(f"{operating_system_user()} (command line)", via=COMMAND_LINE)
        with acting_as(actor):
            departures.record(Person, access_review.NAME, text, form=options["format"], rows=len(grants))
        self.stdout.write(text, ending="")
