"""The package without its checkout: two doors, and what it writes stays in the user's home."""

import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest

from tests.conftest import ROOT

SHIPPED = ("gtm", "programs", "plans", "templates")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """What a wheel puts beside the libraries: the packages, and nothing of the checkout around them."""
    place = tmp_path_factory.mktemp("site-packages")
    for name in SHIPPED:
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    return place


def run(installed, home, *words):
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
    environment = kept | {"PYTHONPATH": str(installed), "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    code = "import sys; from gtm.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        env=environment | {"SECRET_KEY": "for this test only"},
        cwd=home,
        capture_output=True,
        text=True,
    )


def test_the_wheel_has_what_is_shipped_and_a_door():
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())
    include = told["tool"]["setuptools"]["packages"]["find"]["include"]
    assert include == [f"{name}*" for name in SHIPPED]
    assert told["project"]["scripts"] == {"gtm-governance": "gtm.cli:main"}
    settings = (ROOT / "gtm/settings.py").read_text()
    assert told["project"]["version"] == re.search(r'GTM_VERSION = "(.+)"', settings)[1]


def test_the_site_is_whole_and_writes_into_the_home_of_its_user(installed, tmp_path):
    before = sorted(installed.rglob("*"))
    checked = run(installed, tmp_path, "manage", "check")
    assert (checked.returncode, checked.stdout) == (0, "System check identified no issues (0 silenced).\n")
    made = run(installed, tmp_path, "manage", "migrate", "core", "--verbosity=0")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / ".gtm-governance" / "var" / "gtm.sqlite3").is_file()
    assert sorted(installed.rglob("*")) == before


@pytest.mark.parametrize(("words", "status"), [((), 0), (("--help",), 0), (("walk",), 2)])
def test_whoever_knows_no_door_is_told_of_them(installed, tmp_path, words, status):
    found = run(installed, tmp_path, *words)
    assert (found.returncode, "gtm-governance run" in found.stdout + found.stderr) == (status, True)
