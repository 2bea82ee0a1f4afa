"""The processes that compute for a web process: as many as may run at once, each kept for a minute."""

from __future__ import annotations

import os
import select
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

CHILD = "gtm.core.bounded.child"
LENGTH = struct.Struct("!Q")
PATIENCE_SECONDS = 20.0
"""How long a request waits until one of the processes is free."""
START_SECONDS = 10.0
"""For the start of a process, beside what the work takes."""
IDLE_SECONDS = 60.0
"""After which a process that nobody asks ends by itself."""
GOING_SECONDS = 5.0
"""Before that, so that nobody asks one that is about to go."""


LOOK_SECONDS = 0.05
"""How often its memory and the clock are looked at."""


def resident(process: int) -> int:
    """Bytes of memory that a process has in use; 0 where the system does not say."""
    try:
        pages = Path(f"/proc/{process}/statm").read_text().split()[1]
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(pages) * os.sysconf("SC_PAGESIZE")


class Ended(Exception):
    """The process was cut off: by us for time or output, or by its limits."""


class _Process:
    def __init__(self) -> None:
        path = os.pathsep.join(folder for folder in sys.path if folder)
        self.running = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": path, "PATH": os.defpath, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        self.memory = 0
        self.idle_since = time.monotonic()

    def stays(self) -> bool:
        """Whether it is there, and will be."""
        waits = time.monotonic() - self.idle_since
        return waits < IDLE_SECONDS - GOING_SECONDS and self.running.poll() is None

    def exchange(self, request: bytes, *, seconds: float, memory: int, output: int) -> bytes:
        assert self.running.stdin is not None
        until, self.memory = time.monotonic() + seconds, memory
        self.running.stdin.write(LENGTH.pack(len(request)) + request)
        self.running.stdin.flush()
        (length,) = LENGTH.unpack(self._read(LENGTH.size, until))
        if length > output:
            raise EOFError
        return self._read(length, until)

    def _read(self, length: int, until: float) -> bytes:
        assert self.running.stdout is not None
        found = bytearray()
        while len(found) < length:
            if not select.select([self.running.stdout], [], [], LOOK_SECONDS)[0]:
                if time.monotonic() > until or resident(self.running.pid) > self.memory:
                    raise EOFError
                continue
            part = os.read(self.running.stdout.fileno(), min(length - len(found), 1 << 20))
            if not part:
                raise EOFError
            found += part
        return bytes(found)

    def end(self) -> None:
        self.running.kill()
        self.running.wait()
        for pipe in (self.running.stdin, self.running.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:  # what it never read is lost with it
                continue


class Processes:
    """At most ``most`` at once. They belong to one process: a fork begins with none."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._begin()

    def _begin(self) -> None:
        self._owner = os.getpid()
        self._free = threading.BoundedSemaphore(self._most)
        self._kept: list[_Process] = []

    def ask(self, request: bytes, *, seconds: float, memory: int, output: int) -> bytes:
        """The answer of a process. Raises Ended where it is cut off, TimeoutError where none gets free."""
        if self._owner != os.getpid():
            self._begin()
        if not self._free.acquire(timeout=PATIENCE_SECONDS):
            raise TimeoutError
        try:
            process = self._take()
            try:
                answer = process.exchange(
                    request, seconds=seconds + START_SECONDS, memory=memory, output=output
                )
            except (OSError, EOFError) as error:
                process.end()
                raise Ended from error
            except BaseException:
                process.end()
                raise
            process.idle_since = time.monotonic()
            self._kept.append(process)
            return answer
        finally:
            self._free.release()

    def _take(self) -> _Process:
        while self._kept:
            process = self._kept.pop()
            if process.stays():
                return process
            process.end()
        return _Process()
