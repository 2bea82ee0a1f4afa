"""``manage.py resume PLAN --as USER --remediation TEXT``: the way back after a rip-cord."""

from __future__ import annotations

from typing import Any

from gtm.core.cli import GovernedCommand
from plans.engine import ripcord
from plans.selectors import plan_by_id


class Command(GovernedCommand):
    help = "Agree to release a pulled rip-cord; the second person's agreement releases it"
    requires_user = True

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("plan")
        parser.add_argument("--remediation", required=True)

    def act(self, **options: Any) -> None:
        plan = plan_by_id(options["plan"])
        ripcord.release(plan, remediation=options["remediation"])
        plan.refresh_from_db()
        waits = " One more person has to agree." if plan.state == "held" else ""
        self.stdout.write(f"{plan.plan_id} is {plan.get_state_display().lower()}.{waits}")
