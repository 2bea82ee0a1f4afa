"""``manage.py plan_schema``: print the JSON Schema of the plan JSON, sections of cases included."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from plans.export import rules


class Command(BaseCommand):
    help = "Print the JSON Schema of the plan JSON; plans/export/schema/plan-2.json is its copy"

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(rules.schema(), indent=2, ensure_ascii=False))
