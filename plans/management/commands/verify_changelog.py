"""``manage.py verify_changelog [PLAN | FILE]``: what the evidence proves, by what, and what it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gtm.core.cli import BAD_INPUT
from gtm.core.errors import InvalidInput
from gtm.core.evidence import anchors, changelog, departures, notes, timestamps
from gtm.core.evidence.notes import NoteKey
from gtm.core.evidence.proof import Proof
from plans.export import standing, verify
from plans.models import Plan


class Command(BaseCommand):
    help = "Check the change log of the database, of one plan, or of an exported file (needs no database)"
    requires_system_checks = ()

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("what", nargs="?", help="plan id or file; everything in the database otherwise")
        parser.add_argument(
            "--copy",
            action="store_true",
            help="whether this house handed this file out (zip, XLSX, CSV, PDF, …)",
        )
        parser.add_argument(
            "--anchors", metavar="FILE", help="anchors you kept: compare the log with them, too"
        )

        parser.add_argument(
            "--key", action="append", metavar="KEY", help="public key of the installation, or a file of it"
        )
        parser.add_argument(
            "--witness", action="append", metavar="KEY", help="public key of a witness, or a file of it"
        )

        parser.add_argument(
            "--quorum", type=int, metavar="N", help="how many of the witnesses must have signed (else each)"
        )
        parser.add_argument(
            "--tsa", metavar="FILE", help="certificates (PEM) of the timestamp service that you trust"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        what = options["what"]
        if options["copy"]:
            if not what:
                raise CommandError("Name the file whose bytes are asked for.", returncode=BAD_INPUT)
            self.report(what, departures.prove_copy(read(Path(what))))
            return
        anchors_kept = read_anchors(Path(options["anchors"])) if options["anchors"] else None
        keys, witnesses = read_keys(options["key"]), read_keys(options["witness"])
        quorum = options["quorum"]
        if quorum is not None and not 1 <= quorum <= len({*(witnesses or ())}):
            sentence = "--quorum is at least 1, and at most the number of witnesses."
            raise CommandError(sentence, returncode=BAD_INPUT)
        kept = verify.Kept(anchors_kept, keys, witnesses, read_roots(options["tsa"]), quorum)
        if what and (Path(what).is_file() or looks_like_file(what)):
            self.report(what, verify.prove_bytes(read(Path(what)), kept).proof)
            return
        names = changelog.chains()
        if what:
            if f"plan:{what}" not in names and not Plan.objects.filter(plan_id=what).exists():
                raise CommandError(
                    f"{what} is neither a file here nor a plan in the database.", returncode=BAD_INPUT
                )
            names = [f"plan:{what}"]
        proof = standing.prove(names, what or "", kept, read_anchors(anchors.file_path(), or_none=True))
        self.report(what or "The change log", proof)

    def report(self, what: str, proof: Proof) -> None:
        lists = "\n".join(proof.lines())
        if proof.findings:
            found = "\n".join(proof.findings)
            sentence = f"{what} is NOT intact. First broken: {found}\n\n{lists}"
            raise CommandError(sentence, returncode=1)
        if not proof.holds:
            asked = "; ".join(f"{c.what}: {c.ground}" for c in proof.not_proved if c.was_asked)
            raise CommandError(
                f"{what}: what you asked for is not proved ({asked}).\n\n{lists}", returncode=1
            )
        self.stdout.write(f"{what}: nothing contradicts it.\n{lists}")


def looks_like_file(what: str) -> bool:
    """A plan id has neither a folder nor an ending."""
    return "/" in what or "." in what


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=BAD_INPUT) from error


def read_anchors(path: Path, *, or_none: bool = False) -> list[dict[str, Any]]:
    """The anchors of a file. One that the reader names is there and holds some."""
    if or_none and not path.is_file():
        return []
    try:
        found = anchors.read_file(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=BAD_INPUT) from error
    except InvalidInput as error:
        raise CommandError("\n".join(error.lines()), returncode=BAD_INPUT) from error
    if not found and not or_none:
        raise CommandError(f"{path} has no anchor in it.", returncode=BAD_INPUT)
    return found


def read_keys(given: list[str] | None) -> list[NoteKey] | None:
    """Public keys, each written out or in a file with one a line, with its dates where it has some."""
    if not given:
        return None
    try:
        texts = [Path(one).read_text() if is_file(one) else one for one in given]
        return [key for text in texts for key in notes.read_keys(text)]
    except (OSError, ValueError) as error:
        raise CommandError(f"The key cannot be used: {error}.", returncode=BAD_INPUT) from error


def read_roots(given: str | None) -> list[Any] | None:
    """The certificates of a timestamp service, from a file of PEM."""
    if not given:
        return None
    try:
        return list(timestamps.read_roots(Path(given)))
    except InvalidInput as error:
        raise CommandError("\n".join(error.lines()), returncode=BAD_INPUT) from error


def is_file(text: str) -> bool:
    """A key is written with two plus signs."""
    return text.count("+") < 2 or Path(text).is_file()
