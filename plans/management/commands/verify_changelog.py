"""``manage.py verify_changelog [PLAN | FILE]``: is the evidence intact, and if not, where it breaks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gtm.core import audit, changelog
from gtm.core.models import ChangeLogChain
from plans.export import verify


class Command(BaseCommand):
    help = "Check the hash chain of the database, of one plan, or of an exported file (needs no database)"
    requires_system_checks = ()

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("what", nargs="?", help="plan id or file; everything in the database otherwise")

    def handle(self, *args: Any, **options: Any) -> None:
        what = options["what"]
        if what and Path(what).is_file():
            self.report(what, [str(f) for f in verify.verify_bytes(Path(what).read_bytes())])
            return
        names = list(ChangeLogChain.objects.order_by("name").values_list("name", flat=True))
        if what:
            if f"plan:{what}" not in names:
                raise CommandError(f"{what} is neither a file here nor a plan in the database.", returncode=2)
            names = [f"plan:{what}"]
        breaks = [b for name in names for b in changelog.verify_chain(name)]
        breaks += audit.unexplained_states(names[0] if what else None)
        found = [f"{b.chain} row {b.sequence}: {b.reason}" for b in breaks]
        self.report(what or f"{len(names)} chains", found)

    def report(self, what: str, found: list[str]) -> None:
        if found:
            raise CommandError(f"{what} is NOT intact. First broken: " + "\n".join(found), returncode=1)
        self.stdout.write(f"{what} is intact.")
