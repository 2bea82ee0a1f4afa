"""An installation of an older version comes up: its plan goes on to the end, and the checks prove the same.

``tests/data/upgrade/<commit>.tar.xz`` is what that version left: database and folders, with a plan that
waits for legal. It was made by ``tests/data/upgrade/make.sh`` in a checkout of the commit. The newest runs
with the suite; ``GTM_UPGRADES=all`` (make test-slow) takes every one.
"""

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

KEPT = ROOT / "tests" / "data" / "upgrade"
VERSIONS = ("44ff619e", "340b1eec")
"""Oldest first: of 29 November 2026, and of the next morning, the first with ``manage.py backup``."""
TAKEN = VERSIONS if os.environ.get("GTM_UPGRADES") == "all" else VERSIONS[-1:]
FOLDERS = ("data", "plans", "anchors", "keys")


@pytest.fixture(params=TAKEN)
def older(request, tmp_path: Path):
    """The older installation below a folder of this test; gives how to run today's manage.py on it."""
    with tarfile.open(KEPT / f"{request.param}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    (tmp_path / "keys").mkdir(exist_ok=True, mode=0o700)
    environment = os.environ | {f"GTM_{name.upper()}_DIR": str(tmp_path / name) for name in FOLDERS}
    environment |= {
        "DATABASE_URL": f"sqlite:///{tmp_path}/gtm.sqlite3",
        "CELERY_BROKER_URL": "memory://",
        "DJANGO_SETTINGS_MODULE": "gtm.settings",
        "GTM_ALLOW_IMPERSONATION": "1",
        "GTM_ENV_FILE": os.devnull,
        "SECRET_KEY": "older-and-only-for-this",
    }

    def manage(*words: str) -> str:
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return manage, tmp_path


def test_a_plan_of_an_older_version_goes_on_and_is_proved_as_before(older):
    manage, home = older
    manage("migrate", "--no-input", "-v", "0")
    document = str(home / "plan.json")
    assert manage("verify_changelog", document).startswith(f"{document}: nothing contradicts it.")
    assert manage("verify_changelog").startswith("The change log: nothing contradicts it.")
    (number,) = re.findall(r"^approval +(\d+)", manage("inbox", "--as", "legal"), re.M)
    said = manage("decide", number, "approve", "--as", "legal", "--comment", "Read.", "--wait")
    assert "\nSucceeded: " in said
    assert "Succeeded" in manage("plans")
    assert manage("verify_changelog").startswith("The change log: nothing contradicts it.")
