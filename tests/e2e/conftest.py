"""A real Chromium against a live server."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Give the path of the browser that the machine has; `make e2e` installs one."""
    paths = [path for name in NAMES if (path := shutil.which(name))]
    assert paths, "no Chromium on this machine: run `make e2e`"
    return paths[0]


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """Give one browser for all tests. Its sandbox refuses to start as root, as CI runs."""
    # Playwright's sync interface keeps an event loop in this thread, which Django takes for async code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page(browser: Browser, live_server) -> Iterator[Page]:
    """Give a fresh page on the live server; ``page.complaints`` collects what its console complains of."""
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda m: page.complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    yield page
    context.close()
