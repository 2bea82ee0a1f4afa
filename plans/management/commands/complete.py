"""``manage.py complete TASK --as USER --evidence TEXT``: a task of theirs is done, or is not after all."""

from __future__ import annotations

from typing import Any

from gtm.core.cli import GovernedCommand
from plans.engine.people import human_tasks, taken_back
from plans.engine.running import foreground
from plans.selectors import find_task


class Command(GovernedCommand):
    help = "Complete a task of yours, or record the result of one that the engine gave up"
    requires_user = True

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("task", help="its number in the inbox, or PLAN/2.3")
        parser.add_argument("--evidence", default="", help="a link or a sentence that others can check")
        parser.add_argument("--comment", default="")
        back = parser.add_mutually_exclusive_group()
        back.add_argument(
            "--undo", action="store_true", help="take a completion of yours back, within one minute"
        )
        back.add_argument("--reopen", metavar="REASON", help="do a finished task again, with the reason")
        parser.add_argument("--wait", action="store_true", help="run what follows, until it waits for people")

    def act(self, **options: Any) -> None:
        task = find_task(options["task"])
        if options["undo"]:
            taken_back.undo(task, comment=options["comment"])
        elif options["reopen"] is not None:
            taken_back.reopen(task, comment=options["reopen"])
        else:
            evidence = {"note": options["evidence"]} if options["evidence"] else {}
            human_tasks.complete(task, result={}, evidence=evidence, comment=options["comment"])
        self.stdout.write(f"{task}: {task.get_state_display()}")
        if options["wait"]:
            foreground.until_waiting(task.plan, report=self.stdout.write)
