"""``manage.py import_plan FILE``: take in an exported plan as a record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gtm.core.cli import GovernedCommand
from gtm.core.errors import InvalidInput
from plans.export import importer, verify


class Command(GovernedCommand):
    help = "Verify an exported plan JSON and keep it"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)

    def act(self, **options: Any) -> None:
        try:
            document = verify.parse(options["file"].read_bytes())
        except OSError as error:
            raise InvalidInput(f"{options['file']} cannot be read: {error.strerror}.") from error
        except (ValueError, RecursionError) as error:
            raise InvalidInput(f"{options['file']} is not JSON: {error}") from error
        plan, proof = importer.take_in(document)
        self.stdout.write(f"{plan.plan_id} is kept as an imported record.")
        self.stdout.write("\n".join(proof.lines()))
