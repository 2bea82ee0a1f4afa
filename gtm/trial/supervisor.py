"""Start a few programs together, start again what dies, stop all of them and leave nothing behind.

Standard library only: honcho, the usual choice, stops everything when one program ends instead of starting
it again, and leaves its children behind when it is killed; supervisord and circus are daemons with
configuration of their own.

A supervisor that is killed with SIGKILL cannot stop anything, so a guardian, a forked process that does
nothing else, waits for its end and then kills every process group it was told of. Linux could signal the
programs themselves (PR_SET_PDEATHSIG), but not their children, and macOS could not.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

TICK_SECONDS = 0.1
FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 30.0
STEADY_SECONDS = 60.0  # a program that ran this long starts again at the first backoff
LOG_TAIL_LINES = 8


@dataclass(frozen=True, slots=True)
class SupervisedProcess:
    """What to run. ``stops_last``: others need it until they have stopped."""

    name: str
    command: tuple[str, ...]
    stops_last: bool = False


class Guardian:
    """A process that outlives this one just long enough to kill the process groups it left."""

    def __init__(self) -> None:
        reading, self._writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._writing)
            os.setsid()  # out of reach of the terminal's Ctrl-C
            _kill_groups_at_end(reading)
            os._exit(0)
        os.close(reading)

    def watch(self, group: int) -> None:
        """Kill ``group`` when this process ends."""
        os.write(self._writing, b"%d\n" % group)

    def forget(self, group: int) -> None:
        """Leave ``group`` alone: it has ended, and its number may come to somebody else."""
        os.write(self._writing, b"-%d\n" % group)

    def dismiss(self) -> None:
        """End the guardian and wait until it has gone."""
        os.close(self._writing)
        os.waitpid(self._pid, 0)


def _kill_groups_at_end(reading: int) -> None:
    groups: set[int] = set()
    with open(reading, "rb") as messages:
        for message in messages:
            number = int(message)
            groups.discard(-number) if number < 0 else groups.add(number)
    for group in groups:
        _kill_group(group)


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return  # all of it is gone already, which is what was wanted


@dataclass(slots=True)
class _Running:
    program: SupervisedProcess
    log: Path | None  # None: the terminal
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
    _guardian: Guardian = field(init=False)

    def __enter__(self) -> Supervisor:
        self._guardian = Guardian()
        self.log_dir.mkdir(parents=True, exist_ok=True)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._request_stop)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop([entry for entry in self._running if not entry.program.stops_last])
        self._stop([entry for entry in self._running if entry.program.stops_last])
        self._guardian.dismiss()

    @property
    def stopping(self) -> bool:
        """Whether somebody asked for the end."""
        return self._stop_requests > 0

    def start(self, program: SupervisedProcess) -> None:
        """Start a program and keep it running."""
        log = self.log_dir / f"{program.name}.log"
        log.write_bytes(b"")
        entry = _Running(program, log)
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
        entry = _Running(SupervisedProcess("command", tuple(command)), log=None)
        process = self._spawn(entry)
        try:
            while not self.stopping and process.poll() is None:
                time.sleep(TICK_SECONDS)
        finally:
            self._stop([entry])
        return process.returncode

    def watch(self) -> None:
        """Keep everything running until asked to stop."""
        while not self.stopping:
            self._tick()

    def _request_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_requests += 1

    def _spawn(self, entry: _Running) -> subprocess.Popen[bytes]:
        with nullcontext() if entry.log is None else entry.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 our own commands
                entry.program.command,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        self._guardian.watch(process.pid)
        entry.process, entry.started_at = process, time.monotonic()
        return process

    def _tick(self) -> None:
        now = time.monotonic()
        for entry in self._running:
            if entry.process is None:
                if now >= entry.start_again_at:
                    process = self._spawn(entry)
                    self.say(f"{entry.program.name} started again (process {process.pid}).")
            elif entry.process.poll() is not None:
                self._schedule_restart(entry, entry.process, now)
        time.sleep(TICK_SECONDS)

    def _schedule_restart(self, entry: _Running, process: subprocess.Popen[bytes], now: float) -> None:
        self._bury(process)  # children it left would hold its port and its tasks
        if now - entry.started_at >= STEADY_SECONDS:
            entry.backoff = FIRST_BACKOFF_SECONDS
        name, ending = entry.program.name, _ending(process.returncode)
        self.say(f"{name} stopped ({ending}); starts again in {entry.backoff:.0f} s. The end of its log:")
        self.say(_tail(self.log_dir / f"{name}.log"))
        entry.process = None
        entry.start_again_at = now + entry.backoff
        entry.backoff = min(2 * entry.backoff, LONGEST_BACKOFF_SECONDS)

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
            self._bury(process)

    def _bury(self, process: subprocess.Popen[bytes]) -> None:
        """Kill what is left of a program and its children."""
        _kill_group(process.pid)
        process.wait()
        self._guardian.forget(process.pid)


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(f"    {line}" for line in lines[-LOG_TAIL_LINES:])


def _ending(status: int) -> str:
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
