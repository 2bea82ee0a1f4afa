"""``manage.py fraud_cases [--program P] [--state open]``: what is suspected, worst expected loss first."""

from __future__ import annotations

from typing import Any

from gtm.core.cli import GovernedCommand
from gtm.core.errors import InvalidInput, Problem
from plans.cases.fraud.models import FraudCase, FraudCaseState
from plans.schemas.inputs import nearest


class Command(GovernedCommand):
    help = "List fraud cases"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--program", default="", help="of this program only")
        parser.add_argument("--state", default="", help=f"one of {', '.join(FraudCaseState.values)}")

    def act(self, **options: Any) -> None:
        cases = FraudCase.objects.select_related("program")
        if options["program"]:
            cases = cases.filter(program__slug=options["program"])
        if state := options["state"]:
            if state not in FraudCaseState.values:
                close = nearest(state, FraudCaseState.values)
                problem = Problem(
                    "--state", f"“{state}” is not a state.", tuple(FraudCaseState.values), close
                )
                raise InvalidInput("There is no such state.", problems=[problem])
            cases = cases.filter(state=state)
        for case in cases:
            self.stdout.write(
                f"{case.pk}  {case.key}  {case.program.slug}  {case.get_state_display().lower()}  "
                f"score {case.score}  {len(case.referrals)} referrals  "
                f"{case.at_risk} {case.currency} of rewards due"
            )
        if not cases:
            self.stdout.write("There are no such cases.")
