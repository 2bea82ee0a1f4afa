"""What a person tried on a governed object and was refused: on record, though it changed nothing.

A row written where the refusal happens would be undone with it. So it is noted there, and written at the door
the person came in by, once whatever was begun is rolled back.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django.db import connection, transaction

from gtm.core import actors
from gtm.core.evidence import changelog
from gtm.core.governed import GovernedModel

logger = logging.getLogger(__name__)

REFUSED = "refused"


@dataclass(frozen=True, slots=True, eq=False)
class Refusal:
    obj: GovernedModel
    action: str
    reason: str
    acting: actors.Acting


_noted: ContextVar[list[Refusal] | None] = ContextVar("refusals", default=None)


def note(obj: GovernedModel, action: str, reason: str) -> None:
    """A person was refused; the engine's own losers are races it expects, and say nothing of anybody."""
    acting = actors.current()
    noted = _noted.get()
    logger.info("%s of %s refused to %s: %s", action, obj, acting.actor.label, reason)
    if noted is not None and not acting.actor.is_system:
        noted.append(Refusal(obj, action, reason, acting))


@contextmanager
def on_record() -> Iterator[None]:
    """For a door: what is refused inside the block is written to the change log when the block ends."""
    noted: list[Refusal] = []
    token = _noted.set(noted)
    try:
        yield
    finally:
        _noted.reset(token)
        for refusal in noted:
            _write(refusal)


def _write(refusal: Refusal) -> None:
    if connection.in_atomic_block and connection.needs_rollback:
        logger.warning("no row for %s: the transaction around the door is broken", refusal)
        return
    acting = refusal.acting
    with actors.acting_as(acting.actor, refusal.reason, acting.on_behalf_of), transaction.atomic():
        changelog.append(refusal.obj, REFUSED, field="action", after=refusal.action, reason=refusal.reason)
