"""One page in Chromium: where its scripts lead, what its form holds, and a picture of it.

Playwright and a Chromium are no part of a plain installation; ``missing`` says whether both are here.
The browser resolves the hosts of an allowance and nothing else, each to the address that was checked.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import shutil
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from programs.outreach.visits import Allowance, NotAllowed, Unreachable, address_of

NAMES = ("chromium", "chromium-browser", "google-chrome")
MILLISECONDS = 20_000
VIEW = {"width": 1280, "height": 800}


@dataclass(frozen=True, slots=True)
class Look:
    """``field`` is the value of the form field asked for, None where the page has none; ``picture`` a PNG.

    ``by`` names what opened the page, with versions.
    """

    url: str
    status: int
    field: str | None
    picture: bytes
    by: str


class LookFailed(Exception):
    """The browser did not get to the page; it may later."""


def missing() -> str:
    """What keeps flows from being run in a browser here, "" where nothing does."""
    if settings.GTM_BROWSER == "off":
        return "browsers are switched off (GTM_BROWSER)"
    if importlib.util.find_spec("playwright") is None:
        return "Playwright is not installed"
    return "" if _path() else "no Chromium is installed"


def version() -> str:
    """Playwright with its version; of the browser it starts only the browser itself can tell."""
    return f"playwright {importlib.metadata.version('playwright')}"


def look(url: str, allowance: Allowance, field: str = "") -> Look:
    """Open ``url`` and wait until it has loaded. Raises NotAllowed, Unreachable or LookFailed."""
    playwright = importlib.import_module("playwright.sync_api")
    address_of(url, allowance)
    rules = ",".join(_pinned(allowance))
    arguments = [f"--host-resolver-rules={rules}", "--disable-background-networking"]
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
            asked_for = bool(field) and held.count() > 0
            return Look(
                url=page.url,
                status=response.status if response else 0,
                field=held.first.input_value() if asked_for else None,
                picture=page.screenshot(timeout=MILLISECONDS),
                by=f"{version()} (Chromium {browser.version})",
            )
        except playwright.Error as error:
            raise LookFailed(f"Chromium: {error.message.splitlines()[0]}") from error
        finally:
            browser.close()


def _path() -> str:
    if settings.GTM_BROWSER != "auto":
        return shutil.which(settings.GTM_BROWSER) or ""
    return next((path for name in NAMES if (path := shutil.which(name))), "")


def _pinned(allowance: Allowance) -> list[str]:
    """Chromium's rules for names: every allowed host at its checked address, and no other anywhere.

    A host that is allowed at one port of its own is mapped to that port, whatever a redirect asks for.
    """
    ports: dict[str, list[str]] = {}
    for name in sorted(allowance.hosts):
        host, _, port = name.partition(":")
        ports.setdefault(host, []).append(port)
    rules = []
    for host, asked in ports.items():
        name = f"{host}:{asked[0]}" if asked[0] else host
        try:
            _, _, address = address_of(f"{'http' if asked[0] else 'https'}://{name}", allowance)
        except (NotAllowed, Unreachable):
            continue  # no page of the flow can lead there then
        literal = f"[{address}]" if ":" in address else address
        rules.append(f"MAP {host} {literal}" + (f":{asked[0]}" if len(asked) == 1 and asked[0] else ""))
    return [*rules, "MAP * ~NOTFOUND"]


def _pass(route: Any, allowance: Allowance) -> None:
    """Let a request through to an allowed host and port; ads, trackers and everything else stay out."""
    try:
        address_of(route.request.url, allowance)
    except (NotAllowed, Unreachable):
        route.abort("blockedbyclient")
    else:
        route.continue_()
