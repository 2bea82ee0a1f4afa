"""One page in Chromium: where its scripts lead, what its form holds, and a picture of it.

Playwright and a Chromium are no part of a plain installation; ``missing`` says whether both are here.
The browser resolves the hosts of an allowance and nothing else, each to the address that was checked.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from programs.visits import Allowance, NotAllowed, Unreachable, address_of

NAMES = ("chromium", "chromium-browser", "google-chrome")
MILLISECONDS = 20_000
VIEW = {"width": 1280, "height": 800}


@dataclass(frozen=True, slots=True)
class Look:
    """``field`` is the value of the form field asked for, None where the page has none; ``picture`` a PNG."""

    url: str
    status: int
    field: str | None
    picture: bytes


class LookFailed(Exception):
    """The browser did not get to the page; it may later."""


def missing() -> str:
    """What keeps flows from being run in a browser here, "" where nothing does."""
    if settings.GTM_BROWSER == "off":
        return "browsers are switched off (GTM_BROWSER)"
    if importlib.util.find_spec("playwright") is None:
        return "Playwright is not installed"
    return "" if _path() else "no Chromium is installed"


def look(url: str, allowance: Allowance, field: str) -> Look:
    """Open ``url`` and wait until it has loaded. Raises NotAllowed, Unreachable or LookFailed."""
    playwright = importlib.import_module("playwright.sync_api")
    rules = [f"MAP {host} {ip}" for host, ip in _pinned(url, allowance).items()]
    arguments = [
        f"--host-resolver-rules={','.join([*rules, 'MAP * ~NOTFOUND'])}",
        "--disable-background-networking",
    ]
    # Chromium's own sandbox refuses to start as root; containers often run as it.
    arguments += ["--no-sandbox"] * (os.geteuid() == 0)
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=_path(), args=arguments)
        try:
            page = browser.new_context(viewport=VIEW, service_workers="block").new_page()
            page.route("**/*", lambda route: _pass(route, allowance))
            response = page.goto(url, wait_until="load", timeout=MILLISECONDS)
            # Redirects are not routed again: what the page became must be allowed before it is pictured.
            address_of(page.url, allowance)
            held = page.locator(f'input[name="{field}"]')
            return Look(
                url=page.url,
                status=response.status if response else 0,
                field=held.first.input_value() if held.count() else None,
                picture=page.screenshot(timeout=MILLISECONDS),
            )
        except playwright.Error as error:
            raise LookFailed(f"Chromium: {error.message.splitlines()[0]}") from error
        finally:
            browser.close()


def _path() -> str:
    if settings.GTM_BROWSER != "auto":
        return shutil.which(settings.GTM_BROWSER) or ""
    return next((path for name in NAMES if (path := shutil.which(name))), "")


def _pinned(url: str, allowance: Allowance) -> dict[str, str]:
    """Every allowed host with its checked address; the page's own must be among them."""
    asked, _, address = address_of(url, allowance)
    found = {asked: address}
    for name in allowance.hosts:
        host, _, port = name.partition(":")
        try:
            found[host] = address_of(f"http://{name}" if port else f"https://{host}", allowance)[2]
        except (NotAllowed, Unreachable):
            continue  # no page of the flow can lead there then
    return found


def _pass(route: Any, allowance: Allowance) -> None:
    """Let a request through to an allowed host and port; ads, trackers and everything else stay out."""
    try:
        address_of(route.request.url, allowance)
    except (NotAllowed, Unreachable):
        route.abort("blockedbyclient")
    else:
        route.continue_()
