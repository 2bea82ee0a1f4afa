"""``manage.py erase_changelog CHAIN ROW…``: personal text goes from the change log, the chain still holds."""

from __future__ import annotations

from typing import Any

from gtm.core.cli import GovernedCommand
from gtm.core.evidence import departures, erasure


class Command(GovernedCommand):
    help = "Erase what rows of the change log say (who, object, values, reason); that it was done stays in it"
    requires_user = True

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("chain", help="“installation”, or a plan's id")
        parser.add_argument(
            "rows", nargs="+", type=int, metavar="ROW", help="numbers of rows, as the log shows them"
        )
        parser.add_argument("--reason", required=True, help="e.g. the request of the person concerned")

    def act(self, **options: Any) -> None:
        chain, rows = options["chain"], options["rows"]
        name = chain if chain == "installation" or ":" in chain else f"plan:{chain}"
        left = list(departures.since_told({name: rows}))
        erased = erasure.erase(name, rows, reason=options["reason"])
        self.stdout.write(f"{name}: {erased} of {len(rows)} rows erased; the chain holds without them.")
        seals = erasure.to_recall(name, rows)
        for seal in seals:
            self.stdout.write(
                f"Recall what was exported with the seal of row {seal.sequence}, from {seal.at} on."
            )
        if not seals:
            self.stdout.write("No document with these rows was sealed.")
        for copy in left:
            self.stdout.write(f"Recall, if it says what was erased: {copy}.")
