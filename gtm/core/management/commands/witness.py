"""``manage.py witness``: cosign checkpoints of another installation, and have one's own cosigned."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from gtm.core.cli import GovernedCommand
from gtm.core.errors import InvalidInput, Problem
from gtm.core.evidence import checkpoints, cosigning, notes, witness_server
from gtm.core.evidence.notes import NoteKey
from gtm.core.evidence.witness import Witness


class Command(GovernedCommand):
    help = (
        "submit: have the witnesses of the settings cosign; serve: be a witness by HTTP; request, cosign, "
        "add: the same by files; key: one's own"
    )

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

        parts.add_parser("submit", help="ask every witness of GTM_WITNESSES to sign the last checkpoint")
        served = parts.add_parser("serve", help="be a witness by HTTP; needs no database")
        served.add_argument("--log", required=True, action="append", help="public key of a log to witness")
        served.add_argument("--host", default="127.0.0.1", help="where to listen")
        served.add_argument("--port", type=int, default=8088, help="0 takes a free one")

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
        elif part == "submit":
            self.submit()
        elif part == "serve":
            self.serve(witness, [public(text) for text in options["log"]], options["host"], options["port"])
        else:
            self.stdout.write(f"{witness.key(options['name']).public}")

    def submit(self) -> None:
        asked = cosigning.submit()
        if not asked:
            self.stdout.write("No witness was asked: none is set (GTM_WITNESSES), or there is no checkpoint.")
        for one in asked:
            self.stdout.write(f"{one.witness}: {one.refusal or 'has signed the last checkpoint'}")
        if any(one.refusal for one in asked):
            raise CommandError("Not every witness has signed.", returncode=1)

    def serve(self, witness: Witness, logs: list[NoteKey], host: str, port: int) -> None:
        key = witness.key().public
        server = witness_server.make_server(host, port, witness, logs)
        at = f"http://{host}:{server.server_address[1]}"
        self.stdout.write(f"{key} {at}")
        self.stdout.write(f"It signs for {', '.join(log.name for log in logs)} until Ctrl-C.")
        self.stdout.flush()
        with suppress(KeyboardInterrupt):
            server.serve_forever()
        server.server_close()


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
