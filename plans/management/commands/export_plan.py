"""``manage.py export_plan PLAN [-o FILE]``: the plan JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gtm.core.cli import GovernedCommand
from gtm.core.errors import InvalidInput
from gtm.core.evidence import departures
from plans.export import document, envelope, files, importer
from plans.models import ImportedPlan, Plan
from plans.selectors import plan_by_id


class Command(GovernedCommand):
    help = "Write the plan JSON to a file or to standard output"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("plan")
        parser.add_argument("-o", "--output", type=Path)
        parser.add_argument("--envelope", action="store_true", help="signed as a whole, in a DSSE envelope")
        parser.add_argument("--timestamp", action="store_true", help="with a timestamp, too")

    def act(self, **options: Any) -> None:
        has_stamp = options["timestamp"]
        raw = self.read(options["plan"], is_wrapped=options["envelope"] or has_stamp, has_stamp=has_stamp)
        if options["output"]:
            try:
                options["output"].write_bytes(raw)
            except OSError as error:
                raise InvalidInput(f"{options['output']} cannot be written: {error.strerror}.") from error
            self.stdout.write(f"{options['output']}: {len(raw):,} bytes")
        else:
            self.stdout.write(raw.decode(), ending="")

    def read(self, plan_id: str, *, is_wrapped: bool = False, has_stamp: bool = False) -> bytes:
        """Our own plan, else one that was taken in under this id."""
        imported = importer.newest_of(plan_id)
        found: Plan | ImportedPlan
        if imported is None or Plan.objects.filter(plan_id=plan_id).exists():
            found = plan_by_id(plan_id)
            raw, what = files.export(found), f"plan JSON of {plan_id}"
        else:
            found = imported
            raw = document.to_bytes(importer.export_imported(imported))
            what = f"plan JSON of {plan_id}, as it was taken in"
        if is_wrapped:
            if found is imported:
                raise InvalidInput("A plan of another house is not signed with the key of this one.")
            raw = envelope.wrap(raw, with_stamp=has_stamp)
        departures.record(found, what, raw, form=envelope.FORM if is_wrapped else "json")
        return raw
