"""``manage.py dispute file PLAN/PARTNER --deal D --claim TEXT --as USER``, and the verbs that follow."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model

from gtm.core.cli import GovernedCommand
from gtm.core.errors import InvalidInput, Problem
from plans.cases.disputes import verbs
from plans.cases.disputes.selectors import find_dispute, find_record, visible_disputes

VERBS = {"answer": "answer", "sign-off": "agree", "withdraw": "withdraw"}


class Command(GovernedCommand):
    help = (
        "Dispute a published attribution, answer, sign off or withdraw; under the same rules as in the admin"
    )
    requires_user = True

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("action", choices=["list", "file", *VERBS])
        parser.add_argument(
            "reference", nargs="?", default="", help="PLAN/partner to file, else the dispute's number"
        )
        parser.add_argument("--deal", default="", help="the deal in the partner's books")
        parser.add_argument("--claim", default="", help="what is claimed")
        parser.add_argument(
            "--evidence", action="append", default=[], help="what it rests on; may be repeated"
        )
        parser.add_argument("--said", default="", help="the answer, the agreement, or why it is withdrawn")

    def act(self, **options: Any) -> None:
        user = get_user_model().objects.get(username=options["username"])
        if options["action"] == "list":
            for dispute in visible_disputes(user):
                self.stdout.write(_line(dispute))
            return
        if not options["reference"]:
            problem = Problem("reference", "is required.", code="required")
            raise InvalidInput("Say which record or dispute.", problems=[problem])
        if options["action"] == "file":
            record = find_record(options["reference"], user)
            told = {name: options[name] for name in ("deal", "claim", "evidence")}
            dispute = verbs.file(record, record.partner, **told)
        else:
            dispute = find_dispute(options["reference"], user)
            verbs.act(dispute, VERBS[options["action"]], options["said"])
        self.stdout.write(_line(dispute))


def _line(dispute: Any) -> str:
    signed = ", ".join(one["partner"] for one in dispute.signed_off) or "nobody"
    plan = dispute.record.plan.plan_id
    unknown = "" if dispute.in_data else ". The data of this run have no such deal. Nothing was stopped."
    return f"{dispute.pk} {dispute.get_state_display()}: {dispute} ({plan}); signed off by {signed}{unknown}"
