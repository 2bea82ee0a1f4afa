"""Who calls over the Model Context Protocol: an account, and the agent that acts for it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core import signing
from django.db import connections

from gtm.core.access_tokens import SCOPES
from gtm.core.actors import MCP, Actor, acting_as
from gtm.core.errors import NotPermitted
from gtm.core.evidence import refusals

Answer = TypeVar("Answer")
UNNAMED = "an agent that gave no name"
MOST_LETTERS = 60
SALT = "plans.mcp.session"
"""Of what an agent of before July 2026 says once and then sends back as its session."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An account, and the name and version that its agent gave. Nobody has checked what it says of itself."""

    account: Any
    agent: str = UNNAMED
    token: Any = None
    """By which the account came in; None where this machine lets it in without one."""

    def check(self, scope: str) -> None:
        """Raise NotPermitted where the token is not for this."""
        if self.token is not None and scope not in self.token.scopes:
            raise NotPermitted(
                f"The token {self.token.prefix}… is not for this: it needs the scope “{scope}”.",
                hint=f"Make a token with it. It is to {SCOPES[scope]}.",
            )

    def actor(self) -> Actor:
        """No session and so no person: it can do what the account may do without one.

        The agent stands in the request id of each row, next to what ties the rows of one call together.
        """
        told = f"{self.agent} {uuid.uuid4().hex}"
        return Actor.of_user(self.account, MCP, interactive=False, request_id=told)

    def do(self, act: Callable[..., Answer], *given: Any, **more: Any) -> Answer:
        """Do something as this caller, refusals on record, and leave no connection of this thread behind."""
        try:
            with acting_as(self.actor(), f"through {self.agent}"), refusals.on_record():
                return act(*given, **more)
        finally:
            connections.close_all()


def named(name: Any, version: Any) -> str:
    """What an agent calls itself, as one short line."""
    told = re.sub(r"\s+", " ", f"{name or ''} {version or ''}")
    return "".join(letter for letter in told if letter.isprintable()).strip()[:MOST_LETTERS] or UNNAMED


def session_of(account: Any, agent: str) -> str:
    """The session id of an agent: its name, signed for this account. Any web process can read it."""
    return signing.dumps([account.pk, agent], salt=SALT)


def agent_in(session: str, account: Any) -> str | None:
    """The agent of a session id; None where the id is not one of ours for this account."""
    try:
        owner, agent = signing.loads(session, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return agent if owner == account.pk else None
