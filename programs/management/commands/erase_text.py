"""``manage.py erase_text WORDS``: names, comments and evidence go from log, tables and later exports."""

from __future__ import annotations

from typing import Any

from gtm.core.cli import GovernedCommand
from gtm.core.errors import NotFound
from gtm.core.evidence import erased_text, erasure
from gtm.core.evidence.personal import SoughtText
from programs import personal_text
from programs.models import Person


class Command(GovernedCommand):
    help = (
        "Show where words stand in the change log, the tables and their history; with --confirm, erase them "
        "there. With --person, also what this person wrote as comments and evidence"
    )
    requires_user = True

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "words",
            nargs="*",
            metavar="WORDS",
            help="a name, an address, a comment; each is sought by itself",
        )
        parser.add_argument(
            "--person", metavar="EMAIL", help="name, addresses and accounts of this person, too"
        )
        parser.add_argument(
            "--reason", required=True, help="e.g. a number of the request; it stays on record"
        )
        parser.add_argument("--confirm", action="store_true", help="erase; else the places are only shown")

    def act(self, **options: Any) -> None:
        words: list[str] = [*options["words"]]
        accounts: set[int] = set()
        if options["person"]:
            person = Person.objects.filter(email__iexact=options["person"]).first()
            if person is None:
                raise NotFound(f"Nobody has the address {options['person']}.")
            named, accounts = personal_text.known_by(person)
            words += named
        erasure.check_may_erase(options["reason"])
        erased_text.check_words(SoughtText(words), options["reason"])
        if not options["confirm"]:
            found = erased_text.find(SoughtText(words), accounts)
            self._show(found)
            self.stdout.write("Nothing was erased. Read each place, then add --confirm.")
            return
        found, seals = erased_text.erase(words, reason=options["reason"], accounts=accounts)
        self._show(found)
        self.stdout.write("Erased, but for what stays. The chains hold, and a row says who erased, and why.")
        for seal in seals:
            self.stdout.write(
                f"Recall what was exported of {seal.chain} with the seal of row {seal.sequence}, "
                f"from {seal.at} on."
            )

    def _show(self, found: erased_text.FoundText) -> None:
        for line in found.lines():
            self.stdout.write(line)
