"""``manage.py abort PLAN --as USER --reason TEXT``: the end of what a rip-cord stopped."""

from __future__ import annotations

from typing import Any

from plans.engine.stopping import ripcord
from plans.management.stops import StopCommand


class Command(StopCommand):
    help = "Agree to end what a rip-cord stopped; the second person's agreement aborts and undoes it"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--reason", required=True)

    def act(self, **options: Any) -> None:
        row = ripcord.abort(**self.scope(options), reason=options["reason"])
        self.tell(row, " One more person has to agree.")
