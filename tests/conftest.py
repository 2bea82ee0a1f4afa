"""Servers and fixtures for every test.

The database is a file of SQLite, or, with GTM_TEST_DATABASE=postgres, a real PostgreSQL of the test run's
own. A file, because a worker in another process must see it. Messages go to a broker in memory that nobody
reads, unless a test asks for ``redis_broker`` or ``start_worker``.
"""

import gc
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import redis
from django.conf import settings
from django.db import connections
from django.test import TransactionTestCase

from gtm import urls  # noqa: F401 - registers the admin's pages, as the first request does
from gtm.celery import app
from gtm.trial.run import accepts, redis_command
from tests import migrated, object_stores

ROOT = Path(__file__).parent.parent
gc.disable()  # what is imported stays: nothing of it is looked through while tests are collected, nor after

# A loaded machine is slow, not wrong. One commit gives one answer; GTM_EXPLORE=1 looks for new cases.
hypothesis.settings.register_profile(
    "gtm", deadline=None, derandomize="GTM_EXPLORE" not in os.environ, database=None
)
hypothesis.settings.load_profile("gtm")


# First what takes longest: a worker that comes to it last leaves the other core idle.
LONGEST = (
    "tests/hosts/test_two_hosts.py",
    "tests/documents/test_documents.py",
    "tests/e2e/test_every_page.py",
    "tests/e2e/test_people_journeys.py",
    "tests/e2e/test_roles.py",
    "tests/plans/commands/optimize_referrals/test_runs.py",
    "tests/plans/commands/plan_loyalty/test_runs.py",
    "tests/plans/commands/plan_loyalty/test_goals.py",
    "tests/plans/commands/plan_loyalty/test_constraints.py",
    "tests/plans/commands/plan_loyalty/test_money.py",
    "tests/plans/admin/test_revision.py",
    "tests/plans/engine/test_invariants.py",
    "tests/plans/engine/test_races.py",
    "tests/plans/engine/webhooks/test_a_thousand_events.py",
    "tests/plans/test_worker_lost.py",
    "tests/gtm/test_celery.py",
    "tests/plans/management/test_wait.py",
    "tests/plans/commands/monitor_loyalty/test_runs.py",
    "tests/plans/commands/launch_program/test_program.py",
    "tests/plans/commands/launch_program/test_invitations.py",
    "tests/plans/commands/launch_program/test_from_nothing.py",
    "tests/plans/commands/optimize_referrals/test_incentives.py",
    "tests/plans/admin/test_second_factor.py",
    "tests/plans/admin/test_two_people.py",
    "tests/plans/commands/track_source/test_public_paths.py",
    "tests/plans/commands/track_source/test_runs.py",
    "tests/plans/api/test_rest_matrix.py",
    "tests/programs/datasets/loading/test_addition.py",
)


def _holds_the_clock(name: str) -> bool:
    """Whether a name has a second of today, as seconds since 1970."""
    return any(abs(int(digits) - time.time()) < 86_400 for digits in re.findall(r"\d{10}", name))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    of_now = [item.nodeid for item in items if _holds_the_clock(item.name)]
    if of_now:
        raise pytest.UsageError(
            "The names of these tests hold the moment at which they were collected, so two workers may "
            "collect different ones: " + ", ".join(of_now)
        )
    places = {ROOT / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)  # looking for cycles every 700 objects took 6 % of the suite
    gc.enable()


@pytest.fixture(scope="session")
def short_directory() -> Iterator[Path]:
    """Give a directory whose path leaves room for a socket's name."""
    directory = Path(tempfile.mkdtemp(prefix="gtm-"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def redis_url(short_directory: Path) -> Iterator[str]:
    """Start Redis for this run; give its URL for Celery."""
    socket = short_directory / "redis.sock"
    with subprocess.Popen(redis_command(socket), stdout=subprocess.DEVNULL) as server:
        wait_until(lambda: accepts(socket))
        yield f"redis+socket://{socket}"
        server.terminate()


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    django_test_environment: None,
    django_db_blocker: Any,
) -> Iterator[migrated.AsMigrated]:
    """Give this run a migrated database of its own; a test that commits leaves it as it was migrated."""
    database = connections.settings["default"]
    with django_db_blocker.unblock(), ExitStack() as servers:
        if database["ENGINE"] == "django.db.backends.sqlite3":
            kept = database["TEST"]["NAME"]  # settings that name one keep it from run to run
            migrated.use_sqlite(Path(kept or tmp_path_factory.mktemp("database") / "test.sqlite3"))
        else:
            servers.enter_context(migrated.postgres(request.getfixturevalue("short_directory")))
        as_migrated = migrated.AsMigrated.now()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: as_migrated.put_back())
            with django_db_blocker.block():
                yield as_migrated


@pytest.fixture(autouse=True)
def own_directories(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Give every test its own plans folder and data folder."""
    if request.config.pluginmanager.hasplugin("django"):
        settings = request.getfixturevalue("settings")
        settings.GTM_PLANS_DIR = tmp_path / "plans"
        settings.GTM_DATA_DIR = tmp_path / "data"
        settings.GTM_CACHE_DIR = tmp_path / "cache"
        settings.MEDIA_ROOT = tmp_path / "data" / "uploads"
        settings.GTM_ANCHORS_DIR = tmp_path / "anchors"
        settings.GTM_KEYS_DIR = tmp_path / "keys"


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a server that speaks like S3, in a process of its own; give its address."""
    with object_stores.server(tmp_path_factory.mktemp("s3") / "server.log") as address:
        yield address


@pytest.fixture(params=["folder", "s3"])
def files_in(request: pytest.FixtureRequest, settings: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Files in the folders of this test, or in a bucket of its own; give which."""
    if request.param == "s3":
        object_stores.use(request.getfixturevalue("s3_server"), settings, monkeypatch)
    return str(request.param)


@pytest.fixture
def redis_broker(redis_url: str) -> Iterator[str]:
    """Publish to an empty Redis instead of into memory; give its URL."""
    with publishing_to(redis_url):
        yield redis_url


@contextmanager
def publishing_to(redis_url: str) -> Iterator[None]:
    """Messages of this process go to a Redis, emptied before."""
    redis.Redis(unix_socket_path=redis_url.removeprefix("redis+socket://")).flushall()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CELERY_BROKER_URL", redis_url)  # Celery reads it before its own settings
        app._after_fork()  # forget the connections to the other broker
        yield
    app._after_fork()


@pytest.fixture
def start_worker(
    transactional_db, redis_broker: str, tmp_path: Path
) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Give a function that starts a real Celery worker on the test database and returns when it is ready.

    ``start_worker("--include", "tests.gtm.worker_tasks", concurrency=1, queues="control,steps", **environ)``.
    The worker leads a process group: ``os.killpg(worker.pid, signal.SIGKILL)`` is a power cut for it.
    Its output is in ``tmp_path / "worker-N.log"``.
    """
    with workers(redis_broker, tmp_path) as start:
        yield start


@contextmanager
def workers(broker: str, logs: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Give what ``start_worker`` gives; whatever it started is gone afterwards."""
    started: list[subprocess.Popen[bytes]] = []
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "gtm.settings",
        "DATABASE_URL": database_url(),
        "CELERY_BROKER_URL": broker,
        "GTM_PLANS_DIR": str(settings.GTM_PLANS_DIR),
        "GTM_DATA_DIR": str(settings.GTM_DATA_DIR),
        "GTM_ALLOW_IMPERSONATION": "1",
    }

    def start(*arguments: str, concurrency: int = 1, queues: str = "control,steps", **environ: str):
        log = logs / f"worker-{len(started)}.log"
        command = [sys.executable, "-m", "celery", "-A", "gtm", "worker", "-n", f"w{len(started)}@%h"]
        command += ["-Q", queues, "-c", str(concurrency), "-l", "INFO", "--without-mingle", *arguments]
        with log.open("wb") as output:
            worker = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment | environ,
                stdout=output,
                stderr=output,
                process_group=0,
            )
        started.append(worker)
        wait_until(lambda: b" ready." in log.read_bytes() or worker.poll() is not None, seconds=60)
        assert worker.poll() is None, log.read_text()
        return worker

    try:
        yield start
    finally:
        for worker in started:
            if worker.poll() is None:
                os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()


def database_url() -> str:
    """Return the URL under which another process reaches the test database."""
    database = connections["default"].settings_dict
    if database["ENGINE"] == "django.db.backends.sqlite3":
        return f"sqlite:///{database['NAME']}"
    return f"postgres://{database['USER']}@/{database['NAME']}?host={database['HOST']}"


def wait_until(ready: Callable[[], bool], seconds: float = 30.0) -> None:
    """Return when ``ready()``; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"not ready after {seconds:.0f} s"
        time.sleep(0.02)
