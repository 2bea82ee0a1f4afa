"""``manage.py export_plan PLAN [-o FILE]``: the plan JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gtm.core.cli import GovernedCommand
from gtm.core.errors import InvalidInput
from gtm.core.evidence import departures
from plans.export import document, files, importer
from plans.models import ImportedPlan, Plan
from plans.selectors import plan_by_id


class Command(GovernedCommand):
    help = "Write the plan JSON to a file or to standard output"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("plan")
        parser.add_argument("-o", "--output", type=Path)

    def act(self, **options: Any) -> None:
        raw = self.read(options["plan"])
        if options["output"]:
            try:
                options["output"].write_bytes(raw)
            except OSError as error:
                raise InvalidInput(f"{options['output']} cannot be written: {error.strerror}.") from error
            self.stdout.write(f"{options['output']}: {len(raw):,} bytes")
        else:
            self.stdout.write(raw.decode(), ending="")

    def read(self, plan_id: str) -> bytes:
        """Our own plan, else one that was taken in under this id."""
        imported = ImportedPlan.objects.filter(plan_id=plan_id).order_by("pk").last()
        if imported is None or Plan.objects.filter(plan_id=plan_id).exists():
            plan = plan_by_id(plan_id)
            raw = files.export(plan)
            departures.record(plan, f"plan JSON of {plan_id}", raw, form="json")
            return raw
        raw = document.to_bytes(importer.export_imported(imported))
        departures.record(imported, f"plan JSON of {plan_id}, as it was taken in", raw, form="json")
        return raw
