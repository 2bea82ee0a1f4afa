"""``manage.py authority [NUMBER [VERB]] --as USER``: changes by two people, and the second one's answer."""

from __future__ import annotations

from typing import Any

from gtm.core.cli import GovernedCommand
from gtm.core.errors import NotFound
from plans.engine.people import authority
from programs.models import UNSETTLED_CHANGE_STATES, GuardedChange


class Command(GovernedCommand):
    help = "Changes that take two people: list those that wait, or approve, refuse, withdraw or confirm one"
    requires_user = True

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("number", nargs="?", type=int, help="the change; without it, all that wait")
        parser.add_argument("verb", nargs="?", choices=authority.VERBS, help="what becomes of it")
        parser.add_argument("--comment", default="", help="required to refuse; it stands in the change log")

    def act(self, **options: Any) -> None:
        if options["number"] is None:
            for row in GuardedChange.objects.filter(state__in=UNSETTLED_CHANGE_STATES).order_by("pk"):
                self.stdout.write(
                    f"{row.pk}  {row.get_state_display().lower()}  {row}, {row.requested_label}"
                )
            return
        row = GuardedChange.objects.filter(pk=options["number"]).first()
        if row is None:
            raise NotFound(f"There is no change {options['number']}.")
        if options["verb"]:
            authority.decide(row, options["verb"], comment=options["comment"])
        self.stdout.write(f"{row.pk}  {row.get_state_display().lower()}  {row}")
