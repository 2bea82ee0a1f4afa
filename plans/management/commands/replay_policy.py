"""``manage.py replay_policy COMMAND GATE FILE``: what other seats would have asked of past plans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gtm.core.cli import BAD_INPUT
from gtm.core.errors import InvalidInput, NotFound
from plans.engine.gates import preview
from plans.runs import registry


class Command(BaseCommand):
    help = "Test proposed seats (a JSON list) on the votes of past rounds of a gate. Stores nothing"

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("name", help="plugin:name of the command, or its name")
        parser.add_argument("gate", help="key of the gate, e.g. finance-approval")
        parser.add_argument("seats", type=Path, help='JSON: [{"role": "finance", "minimum": 2}, …]')
        parser.add_argument("--on-reject", choices=["veto", "impossible"], default="veto")

    def handle(self, *args: Any, **options: Any) -> None:
        seats = read_seats(options["seats"])
        rounds = preview.past_rounds(key_of(options["name"]), options["gate"])
        found = preview.replay_policy(seats, rounds, on_reject=options["on_reject"])
        for row in found:
            mark = "!" if row.differs else " "
            more = f"; not asked: {', '.join(row.missing)}" if row.missing else ""
            self.stdout.write(f"{mark} {row.plan_id} round {row.round}: {row.was} → {row.would_be}{more}")
        differing = sum(row.differs for row in found)
        self.stdout.write(f"{len(found)} past rounds, {differing} with another result or other approvers.")


def key_of(asked: str) -> str:
    """A key is taken as it is, for past rounds outlive their command; a name is looked up."""
    try:
        return asked if ":" in asked else registry.get(asked).key
    except NotFound as error:
        raise CommandError("\n".join(error.lines()), returncode=BAD_INPUT) from error


def read_seats(path: Path) -> list[dict[str, Any]]:
    try:
        return preview.read_seats(json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} cannot be read: {error}.", returncode=BAD_INPUT) from error
    except InvalidInput as error:
        raise CommandError("\n".join(error.lines()), returncode=BAD_INPUT) from error
