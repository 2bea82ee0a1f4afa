"""``manage.py policy show|propose|adopt|reject|withdraw``: who decides at a gate, who stands on a ladder."""

from __future__ import annotations

import json
from argparse import SUPPRESS
from pathlib import Path
from typing import Any

from gtm.core.cli import GovernedCommand
from gtm.core.errors import InvalidInput, NotFound, Problem
from plans.models import PolicyVersion
from plans.runs import policies, registry


class Command(GovernedCommand):
    help = "Show, propose or decide the policies of gates and the ladder of a command"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        acts = parser.add_subparsers(dest="act", required=True)
        show = acts.add_parser("show", help="what is in force, as JSON")
        show.add_argument("name", help="plugin:name of the command, or its name")
        propose = acts.add_parser("propose", help="propose a change of what is in force")
        propose.add_argument("name", help="plugin:name of the command, or its name")
        propose.add_argument("subject", help="key of the gate, or “ladder”")
        propose.add_argument(
            "file", type=Path, help='JSON, e.g. {"hours": 24, "seats": [{"role": "finance"}]}'
        )
        propose.add_argument("--reason", required=True)
        propose.add_argument("--as", dest="username", metavar="USER", default=SUPPRESS)
        for verb in ("adopt", "reject", "withdraw"):
            one = acts.add_parser(verb, help=f"{verb} what was proposed")
            one.add_argument("proposal", type=int, help="its number, as propose printed it")
            one.add_argument("--comment", default="")
            one.add_argument("--as", dest="username", metavar="USER", default=SUPPRESS)

    def act(self, **options: Any) -> None:
        verb = options["act"]
        if verb == "show":
            self._show(options["name"])
        elif verb == "propose":
            row = policies.propose(
                options["name"], options["subject"], read(options["file"]), reason=options["reason"]
            )
            self.stdout.write(f"Proposal {row.pk}: {row}. Another person must adopt or reject it.")
        else:
            row = PolicyVersion.objects.filter(pk=options["proposal"]).first()
            if row is None:
                problem = Problem("proposal", f"{options['proposal']} is unknown.")
                raise NotFound("There is no such proposal.", problems=[problem])
            policies.decide(row, verb, comment=options["comment"])
            self.stdout.write(f"{row}: {row.get_state_display().lower()}")

    def _show(self, name: str) -> None:
        rules = policies.in_force(registry.get(name)).values()
        told = {r.subject: {"title": r.title, "version": r.number, **r.text} for r in rules}
        self.stdout.write(json.dumps(told, indent=2, ensure_ascii=False))


def read(path: Path) -> dict[str, Any]:
    """The changes in a file. Raises InvalidInput where it holds no JSON object."""
    try:
        told = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        problem = Problem("file", f"{path} cannot be read: {error}.")
        raise InvalidInput("The file cannot be read.", problems=[problem]) from error
    if not isinstance(told, dict):
        raise InvalidInput("The file cannot be read.", problems=[Problem("file", "must hold an object.")])
    return told
