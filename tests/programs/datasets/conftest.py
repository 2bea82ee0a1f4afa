"""A store of one's own, files from text, and CDNOW loaded once."""

from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest

from programs.datasets.loading.ingest import IngestResult, ingest
from programs.datasets.loading.limits import Options
from programs.datasets.snapshots.store import SnapshotStore

NOW = datetime(2024, 6, 1, tzinfo=UTC)
CDNOW = Path(str(files("programs.datasets") / "samples" / "cdnow_purchases.csv.gz"))


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(tmp_path / "store")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


@pytest.fixture
def options() -> Options:
    return Options(currency="USD", now=NOW)


@pytest.fixture(scope="session")
def cdnow_store(tmp_path_factory: pytest.TempPathFactory) -> SnapshotStore:
    return SnapshotStore(tmp_path_factory.mktemp("cdnow"))


@pytest.fixture(scope="session")
def cdnow(cdnow_store: SnapshotStore) -> IngestResult:
    return ingest([CDNOW], "purchases", store=cdnow_store, options=Options(currency="USD", now=NOW))
