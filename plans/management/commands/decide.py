"""``manage.py decide APPROVAL approve --as USER --comment TEXT``: an approver's decision."""

from __future__ import annotations

from typing import Any

from gtm.core import clock
from gtm.core.cli import GovernedCommand
from plans.engine.gates import rounds
from plans.engine.running import foreground
from plans.selectors import find_approval


class Command(GovernedCommand):
    help = "Decide an approval, under the same rules as in the admin"
    requires_user = True

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("approval", help="its number, or PLAN/2.3 (its task), or PLAN/gate")
        parser.add_argument("decision", choices=["approve", "reject", "request-changes", "recuse"])
        parser.add_argument("--comment", default="")
        parser.add_argument("--wait", action="store_true", help="run what follows, until it waits for people")

    def act(self, **options: Any) -> None:
        approval = find_approval(options["approval"])
        rounds.decide(
            approval,
            options["decision"].replace("-", "_"),
            comment=options["comment"],
            evidence={"by": self.reason(), "authentication": self.authentication()},
            # GovernedCommand has asked for the password just now, unless this installation lets one account
            # act for another: then nobody was asked, and the evidence says so.
            reauthenticated_at=clock.now(),
        )
        approval.refresh_from_db()
        self.stdout.write(f"{approval.title}: {approval.get_state_display()}")
        if options["wait"]:
            foreground.until_waiting(approval.plan, report=self.stdout.write)
