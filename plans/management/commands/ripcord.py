"""``manage.py ripcord PLAN --as USER --reason TEXT``: emergency stop."""

from __future__ import annotations

from typing import Any

from gtm.core.cli import GovernedCommand
from plans.engine import ripcord
from plans.selectors import plan_by_id


class Command(GovernedCommand):
    help = "Stop a plan at once; two people release it"
    requires_user = True

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("plan")
        parser.add_argument("--reason", required=True)

    def act(self, **options: Any) -> None:
        plan = plan_by_id(options["plan"])
        ripcord.pull("plan", plan=plan, reason=options["reason"])
        plan.refresh_from_db()
        self.stdout.write(f"{plan.plan_id} is {plan.get_state_display().lower()}. Two people release it.")
