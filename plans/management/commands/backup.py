"""``manage.py backup FILE``: database, files, keys and anchors of this installation in one archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gtm.core.cli import GovernedCommand
from gtm.core.evidence import departures
from gtm.core.models import ChangeLogEntry
from gtm.core.places import backups


class Command(GovernedCommand):
    help = "Write database, files, signing keys and anchors into one archive, while the site runs"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="the archive to write, such as gtm-2026-11-30.tar.gz")

    def act(self, **options: Any) -> None:
        made = backups.write(options["file"].absolute())
        what = f"backup {options['file'].name}"
        departures.record(ChangeLogEntry, what, made.manifest, form="manifest of a backup")
        parts = ", ".join(f"{count} of {part}" for part, count in made.files.items())
        self.stdout.write(f"{options['file']}: {made.size:,} bytes before they were packed; files: {parts}.")
        self.stdout.write("It holds the private signing keys and data of people: keep it as you keep these.")
