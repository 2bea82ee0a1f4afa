"""``manage.py verify_changelog [PLAN | FILE]``: is the evidence intact, and if not, where it breaks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gtm.core.cli import BAD_INPUT
from gtm.core.errors import InvalidInput
from gtm.core.evidence import anchors, audit, changelog
from plans.export import verify
from plans.models import Plan
from programs import published


class Command(BaseCommand):
    help = "Check the hash chain of the database, of one plan, or of an exported file (needs no database)"
    requires_system_checks = ()

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("what", nargs="?", help="plan id or file; everything in the database otherwise")
        parser.add_argument(
            "--anchors", metavar="FILE", help="anchors you kept: compare the log with them, too"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        what = options["what"]
        if what and (Path(what).is_file() or looks_like_file(what)):
            self.report(what, [str(finding) for finding in verify.verify_bytes(read(Path(what)))])
            return
        names = changelog.chains()
        if what:
            if f"plan:{what}" not in names and not Plan.objects.filter(plan_id=what).exists():
                raise CommandError(
                    f"{what} is neither a file here nor a plan in the database.", returncode=BAD_INPUT
                )
            names = [f"plan:{what}"]
        breaks = [b for name in names for b in changelog.verify_chain(name)]
        breaks += audit.unexplained_states(names[0] if what else None)
        values = audit.audit_values(names[0] if what else None)
        breaks += values.breaks
        breaks += list(published.unmarked_departures(what or ""))
        breaks += self.against_anchors(options["anchors"], names[0] if what else None)
        found = [f"{b.chain} row {b.sequence}: {b.reason}" for b in breaks]
        self.report(what or ("1 chain" if len(names) == 1 else f"{len(names)} chains"), found)
        self.stdout.write(f"{values.checked} objects have the values that the log recorded last.")
        if values.before_digests:
            self.stdout.write(
                f"{values.before_digests} of them were recorded before digests. Of these, only values "
                "that later rows recorded were compared."
            )

    def against_anchors(self, kept: str | None, chain: str | None) -> list[changelog.Break]:
        files = [Path(kept)] if kept else []
        files += [anchors.file_path()] if anchors.file_path().is_file() else []
        try:
            elsewhere = [record for path in files for record in anchors.read_file(path)]
        except OSError as error:
            raise CommandError(f"{kept} cannot be read: {error.strerror}.", returncode=BAD_INPUT) from error
        except InvalidInput as error:
            raise CommandError("\n".join(error.lines()), returncode=BAD_INPUT) from error
        found = anchors.verify([*anchors.stored(), *elsewhere], chain=chain) + anchors.compare(elsewhere)
        return list(dict.fromkeys(found))

    def report(self, what: str, found: list[str]) -> None:
        are = "are" if what.endswith(" chains") else "is"
        if found:
            raise CommandError(f"{what} {are} NOT intact. First broken: " + "\n".join(found), returncode=1)
        self.stdout.write(f"{what} {are} intact.")


def looks_like_file(what: str) -> bool:
    """A plan id has neither a folder nor an ending."""
    return "/" in what or "." in what


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=BAD_INPUT) from error
