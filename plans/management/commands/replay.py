"""``manage.py replay PLAN``: run the automated tasks again and compare, byte for byte."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from gtm.core.cli import GovernedCommand
from plans.engine.running import replay
from plans.selectors import plan_by_id


class Command(GovernedCommand):
    help = "Recompute a plan's automated tasks on the recorded data and inputs; stores nothing"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("plan")

    def act(self, **options: Any) -> None:
        plan = plan_by_id(options["plan"])
        differing = 0
        for outcome in replay.replay(plan):
            self.stdout.write(str(outcome))
            differing += not outcome.same
        if differing:
            raise CommandError(f"{differing} tasks of {plan.plan_id} differ.", returncode=1)
