"""``manage.py ripcord PLAN --as USER --reason TEXT``: emergency stop, of a plan or of more."""

from __future__ import annotations

from typing import Any

from plans.engine.stopping import ripcord
from plans.management.stops import StopCommand


class Command(StopCommand):
    help = "Stop a plan, a program or everything at once; two people must release it"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--reason", required=True)

    def act(self, **options: Any) -> None:
        row = ripcord.pull(**self.scope(options), reason=options["reason"])
        self.tell(row, " Two people must release it.")
