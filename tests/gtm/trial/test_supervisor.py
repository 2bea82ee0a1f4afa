"""Nothing is left behind, whichever way the supervisor ends; what dies starts again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

# Each program has a child of its own, and the stubborn one ignores the polite signals.
SCRIPT = """
import sys
from pathlib import Path
from gtm.trial.supervisor import SupervisedProcess, Supervisor

CHILD = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
STUBBORN = "import signal; [signal.signal(n, signal.SIG_IGN) for n in (signal.SIGTERM, signal.SIGQUIT)]"
environment = {"GTM_TEST_MARK": sys.argv[2], "PATH": ""}
say = lambda line: print(line, flush=True)
with Supervisor(Path(sys.argv[1]), environment, say, patience_seconds=0.5) as supervisor:
    for name, prelude in (("parent", CHILD), ("stubborn", STUBBORN)):
        code = f"{prelude}; import time; print('up', flush=True); time.sleep(600)"
        supervisor.start(SupervisedProcess(name, (sys.executable, "-c", code)))
    logs = [Path(sys.argv[1]) / f"{name}.log" for name in ("parent", "stubborn")]
    supervisor.wait_for(lambda: all("up" in log.read_text() for log in logs), "The programs")
    say("ready")
    supervisor.watch()
"""


def marked(mark: str) -> list[psutil.Process]:
    """Return the processes that carry ``mark`` in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("GTM_TEST_MARK") == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def wait_until_gone(mark: str) -> list[psutil.Process]:
    """Return what still carries ``mark`` after ten seconds: nothing, if all is well."""
    deadline = time.monotonic() + 10
    while marked(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    return marked(mark)


@pytest.fixture
def mark(tmp_path: Path) -> str:
    return str(tmp_path)


@pytest.fixture
def supervisor(tmp_path: Path, mark: str):
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path), mark],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        env=os.environ | {"PYTHONPATH": "."},
    ) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()
    assert wait_until_gone(mark) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_programs_and_their_children(supervisor, mark, number):
    assert len(marked(mark)) == 3
    supervisor.send_signal(number)
    assert supervisor.wait(timeout=20) == 0
    assert marked(mark) == []


def test_killing_the_supervisor_leaves_nothing(supervisor, mark):
    assert len(marked(mark)) == 3
    supervisor.kill()
    assert wait_until_gone(mark) == []


def test_a_program_that_dies_starts_again_without_its_old_children(supervisor, mark, tmp_path):
    before = {process.pid for process in marked(mark)}
    victim = next(process for process in marked(mark) if process.children())
    orphan = victim.children()[0]
    victim.kill()
    assert supervisor.stdout.readline() == (
        "parent stopped (killed by SIGKILL); starts again in 1 s. The end of its log:\n"
    )
    assert supervisor.stdout.readline() == "    up\n"
    assert supervisor.stdout.readline().startswith("parent started again")
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
    assert {victim.pid, orphan.pid} < before
