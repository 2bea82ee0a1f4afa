"""``work``: a function of ours called within limits, where a request waits for what it finds.

A file or a long table may take a web process with it: a library that reads asks for memory as the file says,
and one that draws holds the interpreter. A command line and a worker are processes of their own already, so
there the function is called as it is.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

from gtm.core import request_ids
from gtm.core.bounded.answers import read_answer
from gtm.core.bounded.processes import Ended, Processes
from gtm.core.errors import GtmError, InvalidInput, NotNow

MEBIBYTE = 1 << 20
PLACES = 4
"""Requests of a web process that may be at, or wait for, such work at once: half of its eight threads. The
others answer meanwhile, /healthz among them."""
PROCESSES = 2
BUSY = "This site is busy with other files and reports at the moment."
AGAIN = "Try again in a minute."
_places = threading.BoundedSemaphore(PLACES)
_processes = Processes(PROCESSES)


@dataclass(frozen=True, slots=True)
class Bounds:
    """``what`` is done, as a sentence begins: *Reading the file*; ``instead`` says what to do where it is cut
    off. ``seconds`` of CPU and as many on the clock, waiting excluded; bytes of memory and of the answer."""

    what: str
    instead: str
    seconds: int
    memory: int
    output: int = 64 * MEBIBYTE

    @property
    def cut_off(self) -> str:
        return (
            f"{self.what} takes more than {self.seconds} seconds or {self.memory // MEBIBYTE:,} MiB of "
            "memory, and was cut off."
        )


@contextmanager
def place() -> Iterator[None]:
    """One of the places for requests that take long. Raises NotNow at once where there is none."""
    if not _places.acquire(blocking=False):
        raise NotNow(BUSY, hint=AGAIN)
    try:
        yield
    finally:
        _places.release()


def work(function: str, *arguments: Any, bounds: Bounds, **named: Any) -> Any:
    """What ``function`` (``package.module:name``) returns. It reads no database and no setting.

    Raises what it refuses (GtmError); InvalidInput where it is cut off, NotNow where there is no place.
    """
    if not request_ids.current():
        return resolve_name(function)(*arguments, **named)
    request = pickle.dumps((function, arguments, named, bounds.seconds, bounds.memory))
    with place():
        try:
            told = _processes.ask(request, seconds=bounds.seconds, memory=bounds.memory, output=bounds.output)
        except TimeoutError as error:
            raise NotNow(BUSY, hint=AGAIN) from error
        except Ended as error:
            raise InvalidInput(bounds.cut_off, hint=bounds.instead) from error
    return _found(told, bounds)


def _found(told: bytes, bounds: Bounds) -> Any:
    outcome, value = read_answer(told)
    if outcome == "refused":
        assert isinstance(value, GtmError)
        raise value
    if outcome == "memory":
        raise InvalidInput(bounds.cut_off, hint=bounds.instead)
    if outcome == "defect":
        raise RuntimeError(f"in the process that computes: {value}")
    return value
