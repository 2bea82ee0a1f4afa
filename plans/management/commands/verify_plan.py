"""``manage.py verify_plan [--write FILE]``: the program with which auditors check a plan elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gtm.core.cli import BAD_INPUT
from plans.export.verifier import verifier_text


class Command(BaseCommand):
    help = "Print the single-file verifier of plan JSON for auditors (Python and the package cryptography)"
    requires_system_checks = ()

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--write", type=Path, metavar="FILE", help="write it to this file")

    def handle(self, *args: Any, **options: Any) -> None:
        target = options["write"]
        if target is None:
            self.stdout.write(verifier_text(), ending="")
            return
        try:
            target.write_text(verifier_text(), encoding="utf-8")
        except OSError as error:
            sentence = f"{target} cannot be written: {error.strerror}."
            raise CommandError(sentence, returncode=BAD_INPUT) from error
        self.stdout.write(f"{target}: python {target.name} plan.json --key KEY")
