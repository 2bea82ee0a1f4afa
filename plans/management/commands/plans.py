"""``manage.py plans``: what there is."""

from __future__ import annotations

from typing import Any

from gtm.core.cli import GovernedCommand
from gtm.core.errors import InvalidInput, Problem
from plans.models import Plan, PlanState
from plans.schemas.inputs import nearest


class Command(GovernedCommand):
    help = "List plans, newest first"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--status", help="only plans in this state")
        parser.add_argument("--most", type=int, default=50)

    def act(self, **options: Any) -> None:
        plans = Plan.objects.select_related("program").order_by("-created_at")
        status = options["status"]
        if status:
            if status not in PlanState.values:
                problem = Problem(
                    "--status",
                    f"“{status}” is not a state.",
                    tuple(PlanState.values),
                    nearest(status, PlanState.values),
                )
                raise InvalidInput("There is no such state.", problems=[problem])
            plans = plans.filter(state=status)
        for plan in plans[: options["most"]]:
            what = f"{plan.command:20} {plan.program.slug:24} {plan.objective}"
            self.stdout.write(f"{plan.plan_id}  {plan.get_state_display():20} {what}")
