"""``manage.py signing_key show|make|rotate|retire``: the keys this installation signs checkpoints with."""

from __future__ import annotations

from typing import Any

from gtm.core.cli import GovernedCommand
from gtm.core.evidence import keys
from gtm.core.models import SigningKey


class Command(GovernedCommand):
    help = "Show, make, replace or retire the installation's signing keys (GTM_KEYS_DIR or GTM_SIGNING_KEYS)"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "what",
            choices=["show", "make", "rotate", "retire"],
            help="rotate: a new key signs beside the old one; retire: the old one signs no more",
        )
        parser.add_argument(
            "--name", default="gtm-governance", help="with make: how readers know this installation"
        )

    def act(self, **options: Any) -> None:
        if options["what"] == "make":
            self.stdout.write(f"{keys.make(options['name'])}")
        elif options["what"] == "rotate":
            self.stdout.write(f"{keys.rotate()}")
        elif options["what"] == "retire":
            self.stdout.write(f"{keys.retire()} keys sign no more.")
        else:
            signs = {str(key.public) for key in keys.signing()}
            for row in SigningKey.objects.all():
                state = "  # signs" if row.text in signs else ""
                self.stdout.write(f"{keys.as_line(row)}{state}")
            if not signs:
                self.stdout.write("# No key signs checkpoints here. Make one: manage.py signing_key make")
