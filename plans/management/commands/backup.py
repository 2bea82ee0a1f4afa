"""``manage.py backup FILE``: database, files and anchors of this installation in one archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gtm.core.cli import GovernedCommand
from gtm.core.evidence import departures
from gtm.core.models import ChangeLogEntry
from gtm.core.places import backups

PEOPLE = "It holds data of people: keep it as you keep these."
KEPT = {
    (True, True): "It holds the private keys and data of people: keep it as you keep these. "
    "Whoever has it can sign as this installation.",
    (False, True): f"{PEOPLE} The private keys are not in it. Keep a copy of GTM_KEYS_DIR in another place: "
    "without it, what you restore cannot sign as this installation.",
    (False, False): f"{PEOPLE} There are no private keys in GTM_KEYS_DIR.",
}
"""By whether the archive has keys, and whether there are any."""


class Command(GovernedCommand):
    help = "Write database, files and anchors into one archive, while the site runs"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="the archive to write, such as gtm-2026-11-30.tar.gz")
        parser.add_argument(
            "--with-keys",
            action="store_true",
            help="the private keys, too: whoever has the archive can then sign as this installation",
        )

    def act(self, **options: Any) -> None:
        with_keys = options["with_keys"]
        made = backups.write(options["file"].absolute(), with_keys=with_keys)
        what = f"backup {options['file'].name}" + ", with the private keys" * with_keys
        departures.record(ChangeLogEntry, what, made.manifest, form="manifest of a backup")
        parts = ", ".join(f"{count} of {part}" for part, count in made.files.items())
        self.stdout.write(f"{options['file']}: {made.size:,} bytes before they were packed; files: {parts}.")
        self.stdout.write(KEPT[with_keys and backups.KEYS in made.files, backups.has_keys()])
