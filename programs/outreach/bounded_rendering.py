"""Filling templates within limits of time, memory and output: in a process of its own, which is cut off.

The process is kept for the next kit. One that was cut off is replaced.
"""

from __future__ import annotations

import json
import os
import pickle
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from gtm.core.bounded.work import AGAIN, place
from gtm.core.errors import NotNow
from programs.analytics.templating import Template, TemplatingError
from programs.outreach.rendering_child import LENGTH, LONGEST_OUTPUT, SECONDS

PATIENCE_SECONDS = 2 * SECONDS + 1.0
"""For one kit on the clock, the start of the process included; as long again where others are before it."""
MOST_BYTES = 8 * LONGEST_OUTPUT
CUT_OFF = (
    f"Filling the templates takes more than {SECONDS} seconds of work, or more memory than there is, and "
    "was cut off. One of them repeats, or computes, too much."
)
BUSY = "Other templates are being filled at the moment."
CHILD = "programs.outreach.rendering_child"


class RenderingProcess:
    """The process of this one, made when it is first needed; a fork has its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._parent = 0

    def ask(self, request: bytes) -> dict[str, Any]:
        """The answer to a request. Raises TemplatingError where it is cut off, NotNow where it waits."""
        if self._parent != os.getpid():  # a fork: the process, and perhaps the lock, are the parent's
            self._lock, self._process, self._parent = threading.Lock(), None, os.getpid()
        with place():
            if not self._lock.acquire(timeout=PATIENCE_SECONDS):
                raise NotNow(BUSY, hint=AGAIN)
            try:
                return self._exchange(request)
            except (OSError, EOFError, TimeoutError) as error:
                self._end()
                raise TemplatingError([CUT_OFF]) from error
            finally:
                self._lock.release()

    def _exchange(self, request: bytes) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE_SECONDS
        process = self._running()
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(LENGTH.pack(len(request)) + request)
        process.stdin.flush()
        (length,) = LENGTH.unpack(self._read(process, LENGTH.size, until))
        if length > MOST_BYTES:
            raise EOFError
        answer: dict[str, Any] = json.loads(self._read(process, length, until))
        return answer

    @staticmethod
    def _read(process: subprocess.Popen[bytes], length: int, until: float) -> bytes:
        assert process.stdout is not None
        found = b""
        while len(found) < length:
            if not select.select([process.stdout], [], [], max(0.0, until - time.monotonic()))[0]:
                raise TimeoutError
            part = os.read(process.stdout.fileno(), min(length - len(found), 1 << 20))
            if not part:
                raise EOFError
            found += part
        return found

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            path = os.pathsep.join(folder for folder in sys.path if folder)
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", CHILD],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={"PYTHONPATH": path, "PATH": os.defpath},
            )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


_process = RenderingProcess()


def render_within_limits(
    templates: Sequence[Template],
    variables: Mapping[str, Any],
    destinations: Mapping[str, str],
    code: tuple[str, str] | None = None,
) -> dict[str, str]:
    """As ``templating.render``. Raises TemplatingError also where time, memory or output are too much, and
    NotNow where others are being filled."""
    told = _process.ask(pickle.dumps((templates, variables, destinations, code)))
    if problems := told.get("problems"):
        raise TemplatingError(problems)
    rendered: dict[str, str] = told["rendered"]
    return rendered
