"""One version everywhere, and the papers of a release beside it."""

import tomllib
from pathlib import Path

from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent


def test_the_version_is_the_same_in_code_package_and_changes():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == settings.GTM_VERSION
    assert f"\n## {settings.GTM_VERSION}" in (ROOT / "CHANGELOG.md").read_text()
    assert project["license"] == "Apache-2.0"


def test_the_papers_are_there():
    assert "Version 2.0, January 2004" in (ROOT / "LICENSE").read_text()
    for name in ("NOTICE", "SECURITY.md", "CONTRIBUTING.md"):
        assert (ROOT / name).read_text().strip()
