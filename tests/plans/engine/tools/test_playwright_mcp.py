"""Playwright's own MCP server, from npm, answers a tool hook; its call is on record with digests.

Apart from the other tests with a browser: their site has a worker that would take the task.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from gtm.core.places import filestore
from plans.schemas.outputs import StepResult
from tests.chromium import chromium_here
from tests.landing_site import landing_site
from tests.plans.engine.tools.test_calls import TIERS, hook, made

__all__ = ["made"]
pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("acting")]
PACKAGE = "@playwright/mcp@0.0.83"
FLOW = hook("browser-flow", "redemption page", tool="Playwright")


@pytest.fixture(scope="module")
def chromium():
    return chromium_here()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The command that starts it. It is no part of this product: npm brings it."""
    for program in ("node", "npm"):
        assert shutil.which(program), (
            f"{program} is not on this machine; this test needs Node.js 20 with npm."
        )
    folder = tmp_path_factory.mktemp("npm")
    got = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", PACKAGE],
        cwd=folder, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert got.returncode == 0, f"npm cannot bring {PACKAGE} to this machine: {got.stderr[-2000:]}"
    return str(Path(folder) / "node_modules/.bin/playwright-mcp")


def configured(command, chromium):
    return {
        "Playwright": {
            "command": [*command, "--headless", "--isolated", "--no-sandbox", "--executable-path", chromium],
            "calls": [
                {"tool": "browser_navigate", "arguments": {"url": "{address}"}},
                {"tool": "browser_take_screenshot", "arguments": {}},
            ],
            "seconds": 120,
        }
    }


def test_it_opens_the_page_of_the_program_and_leaves_a_picture(made, settings, chromium, server):
    settings.GTM_TOOLS = configured([server], chromium)
    with landing_site() as site:
        settings.GTM_PRIVATE_LINK_HOSTS = {site.host}
        address = f"http://{site.host}/script?ref=qa-test"
        told = made(FLOW, StepResult({"tiers": TIERS}), tooling={"redemption page": address})
    (call,) = told["calls"]
    assert (told["status"], call["said"]) == (
        "answered",
        "Answered: browser_navigate, browser_take_screenshot.",
    )
    assert call["performed_by"].startswith("mcp:playwright ")
    assert call["arguments"]["calls"][0]["arguments"] == {"url": address}
    row = told["plan"].tool_calls.get()
    assert (call["arguments_sha256"], call["result_sha256"]) == (row.arguments_sha256, row.kept.sha256)
    opened, picture = json.loads(filestore.read(row.kept.payload["path"]))
    assert address in opened["content"][0]["text"]
    assert any(block["type"] == "image" for block in picture["content"])


def test_without_the_server_the_hook_says_not_run(made, settings, chromium):
    settings.GTM_TOOLS = configured(["no-playwright-mcp-here"], chromium)
    with landing_site() as site:
        settings.GTM_PRIVATE_LINK_HOSTS = {site.host}
        tooling = {"redemption page": f"http://{site.host}/script"}
        (call,) = made(FLOW, StepResult({"tiers": TIERS}), tooling=tooling)["calls"]
    assert (call["outcome"], call["performed_by"]) == ("not_run", None)
