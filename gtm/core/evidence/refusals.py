"""What a person tried on a governed object and was refused: on record, though it changed nothing.

A row written where the refusal happens would be undone with it. So it is noted there, and written at the door
the person came in by, once whatever was begun is rolled back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass

from django.db import connection, transaction

from gtm.core import actors
from gtm.core.evidence import changelog
from gtm.core.governed import GovernedModel
from gtm.core.models import ChangeLogChain

logger = logging.getLogger(__name__)

REFUSED = "refused"
NEVER_KEPT = 0
"""Stands for the key of an object that was undone with its refusal: no table ever gives this key."""


@dataclass(frozen=True, slots=True, eq=False)
class Refusal:
    obj: GovernedModel
    action: str
    reason: str
    acting: actors.Acting


Afterwards = Callable[[], str]
"""Writes what a refusal leaves behind, and answers with a sentence for the person at the door."""

_noted: ContextVar[list[Refusal | Afterwards] | None] = ContextVar("refusals", default=None)
_rehearsing: ContextVar[bool] = ContextVar("rehearsing", default=False)


def note(obj: GovernedModel, action: str, reason: str) -> None:
    """A person was refused; the engine's own losers are races it expects, and say nothing of anybody."""
    acting = actors.current()
    noted = _noted.get()
    logger.info("%s of %s refused to %s: %s", action, obj, acting.actor.label, reason)
    if noted is not None and not acting.actor.is_system:
        noted.append(Refusal(obj, action, reason, acting))


def afterwards(write: Afterwards) -> bool:
    """Have ``write`` called when the block of the door ends, whatever was rolled back.

    Answers False where nobody stands at a door, so that nothing will be written.
    """
    noted = _noted.get()
    if noted is None:
        return False
    noted.append(write)
    return True


@contextmanager
def rehearsal() -> Iterator[None]:
    """What happens inside is undone in any case: the preview of a file."""
    token = _rehearsing.set(True)
    try:
        yield
    finally:
        _rehearsing.reset(token)


def is_rehearsal() -> bool:
    return _rehearsing.get()


@contextmanager
def on_record(told: list[str] | None = None) -> Iterator[None]:
    """For a door: what is refused inside the block is written to the change log when the block ends.

    ``told`` then has a sentence for each thing that a refusal has left behind.
    """
    noted: list[Refusal | Afterwards] = []
    token = _noted.set(noted)
    try:
        yield
    finally:
        _noted.reset(token)
        for one in noted:
            if isinstance(one, Refusal):
                _write(one)
            elif (sentence := one()) and told is not None and sentence not in told:
                told.append(sentence)


def _write(refusal: Refusal) -> None:
    if connection.in_atomic_block and connection.needs_rollback:
        logger.warning("no row for %s: the transaction around the door is broken", refusal)
        return
    acting = refusal.acting
    with actors.acting_as(acting.actor, refusal.reason, acting.on_behalf_of), transaction.atomic():
        obj = _without_borrowed_names(refusal.obj)
        changelog.append(obj, REFUSED, field="action", after=refusal.action, reason=refusal.reason)


def _without_borrowed_names(obj: GovernedModel) -> GovernedModel:
    """The object; where it was undone, one whose key and chain no other object gets.

    SQLite gives the key of a row that was rolled back to the next one, and a plan that is started in the same
    second gets the same id: the row of a refused start would tell of somebody else's plan.
    """
    there = type(obj)._base_manager.filter(pk=obj.pk).first()
    if there is not None and there.change_chain() == obj.change_chain():
        return obj
    undone = copy(obj)
    undone.pk = NEVER_KEPT
    if not ChangeLogChain.objects.filter(name=obj.change_chain()).exists():
        undone.change_chain = lambda: changelog.INSTALLATION  # type: ignore[method-assign]
    return undone
