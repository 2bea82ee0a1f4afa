"""``manage.py mcp``: the server for coding agents over standard input and output."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from gtm.core import access_tokens
from gtm.core.actors import MCP, Actor, current
from gtm.core.cli import GovernedCommand
from gtm.core.errors import InvalidInput, Problem
from gtm.core.later import later
from gtm.core.models import AccessToken

if TYPE_CHECKING:
    from plans.mcp import server
else:
    server = later("plans.mcp.server")

TOKEN = "GTM_TOKEN"  # noqa: S105 - the name of the variable


class Command(GovernedCommand):
    help = (
        "MCP server over stdio, for a coding agent on this machine. It acts for the account of the token in "
        f"{TOKEN}, or of --as where this installation allows it. Over HTTP the same server is at /mcp/"
    )

    token: AccessToken | None = None

    def actor(self, username: str | None) -> Actor:
        """Nobody can type a password here: the standard input belongs to the protocol."""
        if token := os.environ.get(TOKEN, "").strip():
            if username is not None:
                problem = Problem("--as", f"contradicts {TOKEN}: give one of the two.")
                raise InvalidInput("For whom does the agent act?", problems=[problem])
            self.token = access_tokens.find(token)
            access_tokens.note_use(self.token)
            return Actor.of_user(self.token.user, MCP)
        if username is None:
            problem = Problem("--as", f"or a token in {TOKEN} is required.", code="required")
            raise InvalidInput("For whom does the agent act?", problems=[problem])
        return super().actor(username)

    def act(self, **options: Any) -> None:
        server.build(current().actor.user, self.token, lends_a_hand=True).run("stdio")
