"""``manage.py load_metrics``: the standard metrics as rows of the registry. What stands is not changed."""

from __future__ import annotations

from typing import Any

from gtm.core.cli import GovernedCommand
from programs.services import establish_metrics


class Command(GovernedCommand):
    help = "Make the standard metrics that the registry lacks"

    def act(self, **options: Any) -> None:
        made, stood = establish_metrics()
        self.stdout.write(f"{made} metrics made. {stood} existed already and were not changed.")
