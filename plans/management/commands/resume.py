"""``manage.py resume PLAN --as USER --remediation TEXT``: the way back after a rip-cord."""

from __future__ import annotations

from typing import Any

from plans.engine.stopping import ripcord
from plans.management.stops import StopCommand


class Command(StopCommand):
    help = "Agree to release a pulled rip-cord; the second person's agreement releases it"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--remediation", required=True)

    def act(self, **options: Any) -> None:
        row = ripcord.release(**self.scope(options), remediation=options["remediation"])
        self.tell(row, " One more person has to agree.")
