"""``manage.py establish``: from an empty database to a site on which a run can start. Idempotent."""

from __future__ import annotations

import re
from typing import Any

from gtm.core.cli import GovernedCommand
from gtm.core.errors import InvalidInput, Problem
from plans.standard import establishing
from plans.standard.establishing import NewSteward

_STEWARD = re.compile(r"(?P<name>[^<>]+)<(?P<email>[^<>\s]+)>")
FORM = "Write it like “Ana Silva <ana@example.com>”."


class Command(GovernedCommand):
    help = "Make the roles, groups, metrics and keys that this site needs, and its first stewards"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--steward",
            action="append",
            default=[],
            metavar='"NAME <MAIL>"',
            help="somebody who may change who decides, with a second one; give it twice",
        )
        parser.add_argument("--country", default="US", help="of the stewards, ISO 3166")
        parser.add_argument("--time-zone", default="UTC", help="of the stewards, IANA")
        parser.add_argument("--name", default="gtm-governance", help="how readers know this site by its key")

    def act(self, **options: Any) -> None:
        new = [_steward(text, options["country"], options["time_zone"]) for text in options["steward"]]
        found = establishing.establish(new, name=options["name"])
        for made in found.made:
            self.stdout.write(f"Made: {made}")
        if not found.made:
            self.stdout.write("Everything was there already.")
        for first in found.passwords:
            self.stdout.write(f"{first.name} logs in as {first.username} with {first.password}")
        if found.passwords:
            self.stdout.write(
                "Each sets a password of their own first (Change password, in the menu under their name): "
                "until then their account decides nothing. These passwords are not shown again."
            )
        still = establishing.lacking()
        if still.is_short_of_stewards:
            self.stdout.write(
                f"{still.stewards or 'No'} steward: nobody could agree to a change of who decides. Add two: "
                'manage.py establish --steward "NAME <MAIL>" --steward "NAME <MAIL>"'
            )
        else:
            self.stdout.write("Next: log in, and choose Programs, Set up a program.")


def _steward(text: str, country: str, time_zone: str) -> NewSteward:
    found = _STEWARD.fullmatch(text.strip())
    if found is None:
        raise InvalidInput("A steward cannot be read.", problems=[Problem("--steward", f"“{text}”: {FORM}")])
    return NewSteward(found["name"].strip(), found["email"], country, time_zone)
