"""Who acts. Set explicitly at every entry point, never guessed from a thread-local request.

A change without an actor is refused: the change log must be able to say who.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from gtm.core.errors import Forbidden

ADMIN, REST, MCP, COMMAND_LINE, TASK, SWEEP, MIGRATION = (
    "admin",
    "rest",
    "mcp",
    "command line",
    "task",
    "sweep",
    "migration",
)


def name_of(user: Any) -> str:
    """What people call the holder of an account: the full name where one is given."""
    return user.get_full_name() or user.get_username()


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it and how it came in.

    ``user`` is the account (None for the system itself); ``interactive`` says that a person is
    present in a session, which approvals ask for; ``request_id`` ties log rows to one request or task;
    ``second_factor`` is what the person has shown in this session beside the password, in words.
    """

    label: str
    via: str
    user: Any = None
    interactive: bool = False
    request_id: str = ""
    second_factor: str = ""

    @property
    def is_system(self) -> bool:
        return self.user is None

    @property
    def user_id(self) -> int | None:
        return self.user.pk if self.user is not None else None

    @classmethod
    def of_user(
        cls,
        user: Any,
        via: str,
        *,
        interactive: bool = False,
        request_id: str = "",
        second_factor: str = "",
    ) -> Actor:
        return cls(name_of(user), via, user, interactive, request_id, second_factor)

    @classmethod
    def system(cls, label: str, via: str = TASK, request_id: str = "") -> Actor:
        return cls(label, via, request_id=request_id)


@dataclass(frozen=True, slots=True)
class Acting:
    actor: Actor
    reason: str = ""
    on_behalf_of: str = ""


_current: ContextVar[Acting | None] = ContextVar("acting", default=None)


@contextmanager
def acting_as(actor: Actor, reason: str = "", on_behalf_of: str = "") -> Iterator[Acting]:
    """Everything changed inside the block is this actor's doing, for this reason."""
    acting = Acting(actor, reason, on_behalf_of)
    token = _current.set(acting)
    try:
        yield acting
    finally:
        _current.reset(token)


def current() -> Acting:
    """Who is acting now. Raises Forbidden where nobody is: wrap the entry point in ``acting_as``."""
    acting = _current.get()
    if acting is None:
        raise Forbidden(
            "A governed object was about to change with nobody acting.",
            hint="Wrap the entry point in acting_as(actor, reason).",
        )
    return acting


@contextmanager
def on_their_behalf(engine: str) -> Iterator[Acting]:
    """The engine acts on what a person just did: its rows name the engine and, behind it, that person."""
    acting = current()
    if acting.actor.is_system:
        yield acting
        return
    system = Actor.system(engine, acting.actor.via, acting.actor.request_id)
    with acting_as(system, acting.reason, acting.actor.label) as inner:
        yield inner


def current_or_none() -> Acting | None:
    return _current.get()


def operating_system_user() -> str:
    """The account the process runs under; recorded with every command-line act."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
