"""The browser of this machine."""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium_here() -> str:
    """Its path; `make e2e` installs one."""
    paths = [path for name in NAMES if (path := shutil.which(name))]
    assert paths, "no Chromium on this machine: run `make e2e`"
    return paths[0]
