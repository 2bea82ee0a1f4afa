"""``manage.py judge CASE hold --as USER --comment TEXT``: hold, release, confirm or appeal a fraud case."""

from __future__ import annotations

from typing import Any

from gtm.core.cli import GovernedCommand
from plans.cases.fraud import verbs
from plans.cases.fraud.selectors import find_fraud_case


class Command(GovernedCommand):
    help = "Judge a fraud case, under the same rules as in the admin: two people on each"
    requires_user = True

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("case", help="its number or its key")
        parser.add_argument("judgement", choices=["hold", "release", "confirm", "appeal"])
        parser.add_argument("--comment", default="", help="why; goes into the change log")
        parser.add_argument(
            "--evidence", action="append", default=[], help="a link or a sentence that others can check"
        )

    def act(self, **options: Any) -> None:
        case = find_fraud_case(options["case"])
        verbs.act(
            case,
            options["judgement"],
            comment=options["comment"],
            evidence=[*options["evidence"], f"by {self.authentication()}, {self.reason()}"],
        )
        self.stdout.write(f"{case.key}: {case.get_state_display()}")
