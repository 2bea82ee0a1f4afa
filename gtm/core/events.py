"""Events published once a transaction has committed; nothing happens for one that rolls back.

Subscribers must be idempotent: after a crash the sweep repeats what an event would have done.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Anchored:
    """An anchor holds the heads of these chains; whatever shows anchors is out of date."""

    number: int
    chains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TaskReady:
    """A task can be claimed by a worker."""

    task_pk: int
    queue: str = "steps"


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """A row of the change log was written about ``obj``; published inside the transaction that wrote it.

    ``before`` and ``after`` are what it says of ``field``.
    """

    obj: Any
    event: str
    field: str
    chain: str
    sequence: int
    before: Any = None
    after: Any = None


_subscribers: dict[type, list[Callable[[Any], None]]] = defaultdict(list)


def subscribe(event_type: type, handler: Callable[[Any], None]) -> None:
    if handler not in _subscribers[event_type]:
        _subscribers[event_type].append(handler)


def publish(event: Any) -> None:
    """Tell the subscribers now, inside the running transaction; what one of them raises undoes the change."""
    for handler in _subscribers[type(event)]:
        handler(event)


def publish_on_commit(event: Any) -> None:
    """Publish ``event`` after the commit of the running transaction, once however often it is asked."""
    pending = _pending_on(transaction.get_connection())
    if event not in pending:
        transaction.on_commit(_Announcement(event), robust=True)
        pending.add(event)


def _pending_on(connection: Any) -> set[Any]:
    """The events the running transaction holds. Django makes a new list where a savepoint is rolled back."""
    waiting = connection.run_on_commit
    known = getattr(connection, "gtm_announced", None)
    if known is None or known[0] is not waiting:
        found = {call.event for _, call, _ in waiting if isinstance(call, _Announcement)}
        known = connection.gtm_announced = waiting, found
    return known[1]


@dataclass(frozen=True, slots=True)
class _Announcement:
    """A callable that compares by its event, so that a transaction holds each event once."""

    event: Any

    def __call__(self) -> None:
        for handler in _subscribers[type(self.event)]:
            try:
                handler(self.event)
            except Exception:  # noqa: BLE001 - the commit stands; the sweep repeats what failed here
                logger.exception("a subscriber failed on %r; the sweep will repeat it", self.event)
