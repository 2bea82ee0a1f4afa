"""``manage.py progress TASK PERCENT --as USER``: how far a task of yours is."""

from __future__ import annotations

from typing import Any

from gtm.core.cli import GovernedCommand
from plans.engine.people import human_tasks
from plans.selectors import find_task


class Command(GovernedCommand):
    help = "Say how far a task of yours is: what is left of it moves the forecast of its plan"
    requires_user = True

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("task", help="its number in the inbox, or PLAN/2.3")
        parser.add_argument("percent", type=int, help="percent of it that is done, 0 to 99")
        parser.add_argument("--note", default="", help="what is done, or left")

    def act(self, **options: Any) -> None:
        task = human_tasks.report_progress(
            find_task(options["task"]), percent=options["percent"], note=options["note"]
        )
        self.stdout.write(f"{task}: {task.progress} % done")
