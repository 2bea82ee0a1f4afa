"""The one clock. Tests move it; nothing else in the project asks the system for the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_source: ContextVar[Callable[[], datetime] | None] = ContextVar("clock_source", default=None)


def now() -> datetime:
    """The present instant, aware, in UTC."""
    source = _source.get()
    return source() if source else datetime.now(UTC)


@contextmanager
def standing_at(instant: datetime | Callable[[], datetime]) -> Iterator[None]:
    """Hold the clock at an instant (or at what a callable says) inside the block."""
    token = _source.set(instant if callable(instant) else lambda: instant)
    try:
        yield
    finally:
        _source.reset(token)
