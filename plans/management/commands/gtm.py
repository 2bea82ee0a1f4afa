"""``manage.py gtm "<usage line>"``: run a command exactly as the documents write it."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError

from gtm.core.cli import GovernedCommand
from gtm.core.errors import InvalidInput, Problem
from plans.engine.running import foreground
from plans.export import files
from plans.models import TROUBLED_PLAN_STATES, Plan
from plans.runs import registry, start
from plans.selectors import pulls_of


class Command(GovernedCommand):
    help = 'Run a usage line, e.g. "/loyalty-lifecycle-orchestration:plan-loyalty --goal retention --tiers 3"'

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("usage", nargs="?", help="the line, in quotes")
        parser.add_argument("--list", action="store_true", help="the commands, their inputs, defaults")
        parser.add_argument("--program", help="slug of the program; the default of its kind otherwise")
        parser.add_argument("--wait", action="store_true", help="until done or waiting for a person")
        parser.add_argument("--json", action="store_true", help="print the plan JSON")
        parser.add_argument(
            "--dry-run", action="store_true", help="plan and review checklist; stores nothing"
        )

    def act(self, **options: Any) -> None:
        if options["list"]:
            self.list_commands()
            return
        if not options["usage"]:
            raise InvalidInput(
                "Nothing to run.",
                problems=[Problem("usage", "is required.", code="required")],
                hint="manage.py gtm --list shows what can be run.",
            )
        command, given = start.parse_usage(options["usage"])
        draft = start.draft(command, given, options["program"])
        if options["dry_run"]:
            self.dry_run(draft, options)
            return
        if options["username"] is None:
            raise InvalidInput(
                "A plan needs somebody who asks for it: this person cannot approve it.",
                problems=[Problem("--as", "is required to start a plan.", code="required")],
                hint="--dry-run and --list work without an account.",
            )
        plan = start.start(draft)
        if options["wait"]:
            foreground.until_waiting(plan, report=self.progress)
        plan.refresh_from_db()
        self.finish(plan, options)

    def progress(self, line: str) -> None:
        self.stderr.write(line)

    def finish(self, plan: Plan, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(files.read(plan).decode(), ending="")
        else:
            self.stdout.write(f"{plan.plan_id}  {plan.get_state_display()}  {plan.objective}")
            for item in plan.checklist:
                if item["result"] != "passed":
                    self.stdout.write(f"  ! {item['text']}: {item['evidence']}")
            for line in foreground.what_waits(plan):
                self.stdout.write(f"  {line}")
        if plan.state in TROUBLED_PLAN_STATES:
            said = f"{plan.plan_id} is {plan.get_state_display().lower()}."
            if held_by := [pull.reason for pull in pulls_of(plan) if pull.state == "pulled"]:
                said = f"{said} {' '.join(held_by)} Two people must release it."
            raise CommandError(said, returncode=1)

    def dry_run(self, draft: start.Draft, options: dict[str, Any]) -> None:
        _, body = start.dry_run(draft)
        if options["json"]:
            self.stdout.write(json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False))
            return
        self.stdout.write(f"{body['objective']}\n{body['strategy']}: {body['strategy_rationale']}\n")
        for stage in body["stages"]:
            self.stdout.write(f"{stage['stage_id']}  {stage['name']} ({stage['execution']})")
            for task in stage["tasks"]:
                needs = f"  after {', '.join(task['dependencies'])}" if task["dependencies"] else ""
                self.stdout.write(f"  {task['task_id']}  {task['name']} – {task['agent']}{needs}")
        self.stdout.write("\nReview checklist")
        for item in body["review_checklist"]:
            self.stdout.write(
                f"  [{'x' if item['result'] == 'passed' else ' '}] {item['text']} – {item['evidence']}"
            )
        self.stdout.write("\nNothing was stored.")

    def list_commands(self) -> None:
        for command in registry.all_commands():
            self.stdout.write(f"{command.path}\n  {command.summary}\n  {command.example}")
            for spec in command.inputs:
                need = (
                    "required" if spec.required else f"default {spec.default}" if spec.default else "optional"
                )
                choices = f" ({' | '.join(spec.choices)})" if spec.choices else ""
                self.stdout.write(f"    --{spec.name}  {spec.help}{choices}, {need}")
