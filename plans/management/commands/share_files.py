"""``manage.py share_files``: the files of one machine into the object store that GTM_STORAGE_URL names."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gtm.core.cli import BAD_INPUT
from gtm.core.errors import GtmError
from gtm.core.places import sharing
from plans.export import plan_places
from plans.management.commands.restore import is_current


class Command(BaseCommand):
    help = "Carry data sets, files and plan JSON from the folders of this machine into the object store"

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = sharing.share(plan_name)
        except GtmError as error:
            raise CommandError("\n".join(error.lines()), returncode=BAD_INPUT) from error
        self.stdout.write(
            f"{done.carried} files ({done.size:,} bytes) carried over and compared by SHA-256, "
            f"{done.there} were there already, {done.left} documents of plans that no row "
            "names were left. Nothing was deleted."
        )


def plan_name(name: str, sha256: str) -> str | None:
    """What the store calls the document that a folder calls ``name``; None where no row names it."""
    if not is_current(name, sha256):
        return None
    return plan_places.name_of(name.removesuffix(".json"), sha256)
