"""Start a few programs together, start again what dies, stop all of them and leave nothing behind.

Standard library only: honcho, the usual choice, stops everything when one program ends instead of starting
it again, and does not take its children along when it is killed; supervisord and circus are daemons with
configuration of their own.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

TICK_SECONDS = 0.1
FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 30.0
STEADY_SECONDS = 60.0  # a program that ran this long starts again at the first backoff
LOG_TAIL_LINES = 8

PR_SET_PDEATHSIG = 1  # linux/prctl.h
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. ``orphan_signal`` is what the kernel sends it when the supervisor dies (Linux only)."""

    name: str
    command: tuple[str, ...]
    orphan_signal: signal.Signals = signal.SIGTERM
    stops_last: bool = False


@dataclass(slots=True)
class _Running:
    program: Program
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_again_at: float = 0.0
    backoff: float = FIRST_BACKOFF_SECONDS


@dataclass
class Supervisor:
    """Keeps programs running until SIGINT, SIGTERM or SIGHUP.

    Each program leads a process group of its own, so that its children can be stopped with it, and a Ctrl-C
    at the terminal reaches the supervisor alone, which then stops the programs in order. Their output goes
    to ``log_dir/NAME.log``. ``say`` prints a line for the person at the terminal.
    """

    log_dir: Path
    environment: Mapping[str, str]
    say: Callable[[str], None]
    patience_seconds: float = 10.0
    _running: list[_Running] = field(default_factory=list, init=False)
    _stop_requests: int = field(default=0, init=False)

    def __enter__(self) -> Supervisor:
        self.log_dir.mkdir(parents=True, exist_ok=True)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._request_stop)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop([entry for entry in self._running if not entry.program.stops_last])
        self._stop([entry for entry in self._running if entry.program.stops_last])

    @property
    def stopping(self) -> bool:
        """Whether somebody asked for the end."""
        return self._stop_requests > 0

    def start(self, program: Program) -> None:
        """Start a program and keep it running."""
        (self.log_dir / f"{program.name}.log").write_bytes(b"")
        entry = _Running(program)
        self._running.append(entry)
        self._spawn(entry)

    def wait_for(self, ready: Callable[[], bool], what: str, seconds: float = 60.0) -> bool:
        """Watch the programs until ``ready()``; return False when asked to stop meanwhile.

        Raises TimeoutError after ``seconds``.
        """
        deadline = time.monotonic() + seconds
        while not self.stopping:
            if ready():
                return True
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not come up within {seconds:.0f} s; see {self.log_dir}")
            self._tick()
        return False

    def run_to_end(self, command: Iterable[str]) -> int:
        """Run a command in the foreground; return its exit status (negative: the signal that ended it)."""
        entry = _Running(Program("command", tuple(command)))
        self._spawn(entry, output=None)
        self._running.append(entry)
        try:
            while not self.stopping and entry.process is not None and entry.process.poll() is None:
                time.sleep(TICK_SECONDS)
        finally:
            self._stop([entry])
            self._running.remove(entry)
        return entry.process.returncode if entry.process is not None else 0

    def watch(self) -> None:
        """Keep everything running until asked to stop."""
        while not self.stopping:
            self._tick()

    def _request_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_requests += 1

    def _spawn(self, entry: _Running, output: str | None = "log") -> None:
        log = None if output is None else (self.log_dir / f"{entry.program.name}.log").open("ab")
        try:
            entry.process = subprocess.Popen(  # noqa: S603 our own commands
                entry.program.command,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log and subprocess.STDOUT,
                process_group=0,
                preexec_fn=_dies_with_parent(
                    entry.program.orphan_signal
                ),  # safe: this process has one thread
            )
        finally:
            if log is not None:
                log.close()
        entry.started_at = time.monotonic()

    def _tick(self) -> None:
        now = time.monotonic()
        for entry in self._running:
            if entry.process is None:
                if now >= entry.start_again_at:
                    self._spawn(entry)
                    self.say(f"{entry.program.name} started again (process {entry.process.pid}).")
            elif entry.process.poll() is not None:
                self._schedule_restart(entry, now)
        time.sleep(TICK_SECONDS)

    def _schedule_restart(self, entry: _Running, now: float) -> None:
        _signal_group(entry.process, signal.SIGKILL)  # children it left would hold its port and its tasks
        if now - entry.started_at >= STEADY_SECONDS:
            entry.backoff = FIRST_BACKOFF_SECONDS
        name, ending = entry.program.name, _ending(entry.process.returncode)
        self.say(f"{name} stopped ({ending}); starts again in {entry.backoff:.0f} s. The end of its log:")
        self.say(self._log_tail(name))
        entry.process = None
        entry.start_again_at = now + entry.backoff
        entry.backoff = min(2 * entry.backoff, LONGEST_BACKOFF_SECONDS)

    def _log_tail(self, name: str) -> str:
        lines = (self.log_dir / f"{name}.log").read_text(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-LOG_TAIL_LINES:])

    def _stop(self, entries: list[_Running]) -> None:
        """Ask, then insist, then kill; a second request to stop cuts the patience short."""
        processes = [entry.process for entry in entries if entry.process is not None]
        for number in (signal.SIGTERM, signal.SIGQUIT):
            for process in processes:
                if process.poll() is None:
                    process.send_signal(number)
            deadline = time.monotonic() + self.patience_seconds
            while any(process.poll() is None for process in processes):
                if time.monotonic() > deadline or self._stop_requests > 1:
                    break
                time.sleep(TICK_SECONDS)
        for process in processes:
            _signal_group(process, signal.SIGKILL)
            process.wait()


def _dies_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """Return what a child runs before exec, so that the kernel signals it when the supervisor is gone."""
    if LIBC is None:
        return None
    parent = os.getpid()

    def ask_kernel() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it died before we asked
            os.kill(os.getpid(), signal.SIGKILL)

    return ask_kernel


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return  # the whole group is gone already, which is what was wanted


def _ending(status: int) -> str:
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
