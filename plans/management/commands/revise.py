"""``manage.py revise PLAN --comment TEXT [--set input=value]``: answer a request for changes."""

from __future__ import annotations

from typing import Any

from gtm.core.cli import GovernedCommand
from gtm.core.errors import InvalidInput, Problem
from plans.engine.running import foreground
from plans.runs import revise
from plans.selectors import plan_by_id


class Command(GovernedCommand):
    help = "Make a plan its next revision and send it back to its gates"
    requires_user = True
    verb = staticmethod(revise.revise)

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("plan")
        parser.add_argument("--comment", required=True, help="what was changed, or why nothing must change")
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="INPUT=VALUE",
            help="an input that changes; empty removes it",
        )
        parser.add_argument(
            "--redo", action="append", default=[], metavar="TASK", help="key of a task to do again"
        )
        parser.add_argument("--fresh-data", action="store_true", help="read the newest data and material")

    def act(self, **options: Any) -> None:
        plan = plan_by_id(options["plan"])
        self.verb(
            plan,
            changes(options["set"]),
            comment=options["comment"],
            redo=options["redo"],
            fresh_data=options["fresh_data"],
        )
        plan.refresh_from_db()
        self.stdout.write(f"{plan.plan_id} is {plan.get_state_display().lower()}, revision {plan.revision}.")
        for line in foreground.what_waits(plan):
            self.stdout.write(f"  {line}")


def changes(pairs: list[str]) -> dict[str, str]:
    """Raises InvalidInput naming every pair that is none, and every input given twice."""
    found: dict[str, str] = {}
    problems = []
    for pair in pairs:
        name, separator, value = pair.partition("=")
        name = name.strip()
        if not separator or not name:
            problems.append(Problem("--set", f"“{pair}” is not of the form input=value."))
        elif name in found:
            problems.append(Problem("--set", f"{name} is given twice."))
        found[name] = value
    if problems:
        raise InvalidInput("Nothing was revised.", problems=problems)
    return found
