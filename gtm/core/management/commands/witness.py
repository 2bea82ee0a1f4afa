"""``manage.py witness``: cosign checkpoints of another installation, and have one's own cosigned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings

from gtm.core.cli import GovernedCommand
from gtm.core.errors import InvalidInput, Problem
from gtm.core.evidence import checkpoints, notes
from gtm.core.evidence.notes import NoteKey
from gtm.core.evidence.witness import Witness


class Command(GovernedCommand):
    help = "request: what a witness is sent; cosign: be a witness; add: keep a cosignature; key: one's own"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parts = parser.add_subparsers(dest="part", required=True)
        asked = parts.add_parser("request", help="print what a witness is sent")
        asked.add_argument("--since", type=int, default=0, help="how many leaves the witness saw last")
        cosigned = parts.add_parser("cosign", help="sign a request, where it continues what was seen")
        cosigned.add_argument("file", type=Path, help="the request")
        cosigned.add_argument("--log", required=True, help="public key of the log")
        kept = parts.add_parser("add", help="keep lines of witnesses under the last checkpoint")
        kept.add_argument("file", type=Path, help="the lines of cosignatures")
        kept.add_argument("--witness", required=True, action="append", help="public key of a witness")
        own = parts.add_parser("key", help="print the public key of this witness, made where there is none")
        own.add_argument("--name", default="witness", help="the name it signs under")

    def act(self, **options: Any) -> None:
        witness = Witness(Path(settings.GTM_KEYS_DIR) / "witness")
        part = options["part"]
        if part == "request":
            self.stdout.write(checkpoints.request(options["since"]), ending="")
        elif part == "cosign":
            self.stdout.write(witness.cosign(read(options["file"]), public(options["log"])), ending="")
        elif part == "add":
            given = [public(text) for text in options["witness"]]
            signed = checkpoints.add_cosignatures(read(options["file"]), given)
            self.stdout.write(f"Cosigned by {', '.join(signed)}.")
        else:
            self.stdout.write(f"{witness.key(options['name']).public}")


def public(text: str) -> NoteKey:
    try:
        return notes.read_key(text)
    except notes.NoteError as error:
        raise InvalidInput("The key cannot be used.", problems=[Problem("key", f"{error}.")]) from error


def read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}.") from error
