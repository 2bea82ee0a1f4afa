"""``manage.py follow_up PLAN RANK --as USER``: make an item of a plan's backlog a task for people."""

from __future__ import annotations

from datetime import date
from typing import Any

from gtm.core.cli import GovernedCommand
from gtm.core.errors import InvalidInput, Problem
from plans.runs import follow_up
from plans.selectors import plan_by_id


class Command(GovernedCommand):
    help = "Make an item of an approved backlog a task; without a rank, list the backlog"
    requires_user = True

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("plan")
        parser.add_argument("rank", type=int, nargs="?", help="the item's place in the backlog, from 1")
        parser.add_argument("--due", default="", metavar="YYYY-MM-DD", help="instead of the item's own date")
        parser.add_argument("--comment", default="")

    def act(self, **options: Any) -> None:
        plan = plan_by_id(options["plan"])
        if options["rank"] is None:
            for item in follow_up.backlog_of(plan):
                became = item.follow_up.plan_id if item.follow_up else f"due {item.eta}"
                self.stdout.write(f"{item.rank:3}  {item.title}  {item.owner_role}  {became}")
            return
        task = follow_up.start(plan, options["rank"], due=_date(options["due"]), comment=options["comment"])
        self.stdout.write(
            f"{task.plan.plan_id}: {task.name}, {task.owner or task.agent}, due {task.due_at:%Y-%m-%d}"
        )


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        problem = Problem("--due", f"“{text}” is not a date. Write it as 2026-12-24.")
        raise InvalidInput("The date cannot be read.", problems=[problem]) from error
