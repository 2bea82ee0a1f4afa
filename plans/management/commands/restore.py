"""``manage.py restore FILE``: a backup back into an empty installation."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gtm.core.cli import BAD_INPUT
from gtm.core.errors import GtmError
from gtm.core.places import backups
from plans.models import PlanFile


class Command(BaseCommand):
    help = "Put a backup into an empty database and empty folders; nothing is written over"
    requires_system_checks = ()  # there is no database yet, and nobody who acts in it

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path, help="the archive that manage.py backup wrote")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            put = backups.restore(options["file"].absolute(), is_current)
        except GtmError as error:
            raise CommandError("\n".join(error.lines()), returncode=BAD_INPUT) from error
        parts = ", ".join(f"{count} of {part}" for part, count in put.files.items())
        self.stdout.write(f"Restored, each by its digest: {parts}.")
        if put.left_out:
            self.stdout.write(
                f"{put.left_out} documents of plans are newer than the copied rows. They were left out "
                "and are made anew when somebody reads them."
            )
        if backups.KEYS not in put.files:
            self.stdout.write(
                "No private keys are in this archive. If the installation signs, put your copy of "
                "GTM_KEYS_DIR back (signing.keys with mode 0600). If there is none, run manage.py migrate, "
                "signing_key make and signing_key retire, and give the new key to your auditors."
            )
        self.stdout.write(
            "Next: manage.py migrate, manage.py verify_changelog with the anchors and keys that you kept "
            "elsewhere, and then start web, workers and scheduler."
        )


def is_current(name: str, sha256: str) -> bool:
    """Whether the row of the plan names this document, by its name in a folder or in an object store."""
    path = PurePosixPath(name)
    plan_id = path.parts[0] if len(path.parts) > 1 else path.stem
    return PlanFile.objects.filter(plan__plan_id=plan_id, sha256=sha256).exists()
