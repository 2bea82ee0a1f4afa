"""A process that computes for the web: ``python -m gtm.core.bounded.child``.

Each request names a function of ours with its arguments and limits, which the operating system holds it to.
The process has no secret in its environment, steps back before the web process, and ends when nobody has
asked for a minute: what its libraries take is then given back.
"""

from __future__ import annotations

import os
import pickle
import resource
import select
import sys
import traceback
from collections.abc import Mapping, Sequence
from pkgutil import resolve_name
from typing import Any

from django.conf import settings

from gtm.core.bounded.processes import IDLE_SECONDS, LENGTH
from gtm.core.errors import GtmError

NICE = 5
RESERVED = 3 << 30
LIBRARIES_OUT_OF_MEMORY = frozenset({"OutOfMemoryException"})
"""Exceptions of DuckDB that say what MemoryError says; its module is not loaded for every request."""


def answer(function: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> tuple[str, Any]:
    """(outcome, value), as ``read_answer`` takes it."""
    try:
        return "found", resolve_name(function)(*arguments, **named)
    except GtmError as error:
        return "refused", error
    except MemoryError:
        return "memory", None
    except Exception as error:  # noqa: BLE001 - a defect is told where the request is answered
        if type(error).__name__ in LIBRARIES_OUT_OF_MEMORY:
            return "memory", None
        return "defect", traceback.format_exc()


def limit(seconds: int, memory: int) -> None:
    """What one request may take, beside what the process has used before it.

    The process that asks watches how much memory is in use. Libraries reserve far more addresses than they
    use, so the limit on those only stops what takes gigabytes at once.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_AS, (memory + RESERVED, resource.RLIM_INFINITY))
    ends = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (ends, resource.RLIM_INFINITY))


def main() -> None:
    settings.configure(USE_TZ=True, TIME_ZONE="UTC", USE_I18N=False)  # what times in words ask of Django
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICE)
    read = open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)  # noqa: SIM115 - as long as the process
    write = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    while select.select([read], [], [], IDLE_SECONDS)[0]:
        request = _request(read)
        if request is None:
            return
        function, arguments, named, seconds, memory = pickle.loads(request)  # noqa: S301 - from our own process
        limit(seconds, memory)
        told = pickle.dumps(answer(function, arguments, named))
        write.write(LENGTH.pack(len(told)) + told)
        write.flush()


def _request(read: Any) -> bytes | None:
    """The next request, None where the web process is gone."""
    head = _exactly(read, LENGTH.size)
    return _exactly(read, LENGTH.unpack(head)[0]) if head else None


def _exactly(read: Any, length: int) -> bytes:
    found = bytearray()
    while len(found) < length:
        part = read.read(length - len(found))
        if not part:
            return b""
        found += part
    return bytes(found)


if __name__ == "__main__":
    main()
