"""Tool hooks over MCP, with a real server in a process of its own: asked within limits, and on record."""

import json
import socket
import subprocess
import sys

import pytest

from gtm.core import canonical
from gtm.core.places import filestore
from plans.engine.tools import servers
from plans.engine.tools.servers import BadToolServer
from plans.schemas.outputs import StepResult
from tests.conftest import ROOT, wait_until
from tests.plans.engine.tools.test_calls import TIERS, hook, made

__all__ = ["made"]
pytestmark = pytest.mark.usefixtures("acting")
SERVER = "tests.plans.engine.tools.mcp_server"
DIFF = hook("definition-diff", "found.tiers", "context.tiers")


def over_stdio(*calls, **more):
    start = (
        f"import runpy, sys; sys.path.insert(0, {str(ROOT)!r}); "
        f"runpy.run_module({SERVER!r}, None, '__main__')"
    )
    return {"Serena": {"command": [sys.executable, "-c", start], "calls": list(calls), **more}}


def call(tool, **arguments):
    return {"tool": tool, "arguments": arguments}


def kept(told):
    artifact = told["plan"].tool_calls.get().kept
    return json.loads(filestore.read(artifact.payload["path"]))


def test_the_server_is_asked_and_its_whole_answer_kept_with_digests(made, settings, monkeypatch):
    monkeypatch.setenv("SERENA_KEY", "s3cret")
    settings.GTM_TOOLS = over_stdio(call("compare", before="{beside}", after="{subject}"), env=["SERENA_KEY"])
    told = made(DIFF, tiers=[{"rank": 1}])
    (one,) = told["calls"]
    assert (told["status"], one["performed_by"], one["said"]) == (
        "answered",
        "mcp:serena 1.5",
        "Answered: compare.",
    )
    asked = {"before": '[{"rank":1}]', "after": canonical.dumps(TIERS).decode()}
    assert one["arguments"] == {"calls": [{"tool": "compare", "arguments": asked}]}
    assert one["arguments_sha256"] == canonical.digest(one["arguments"])
    assert one["result_sha256"] == told["plan"].tool_calls.get().kept.sha256
    (answer,) = kept(told)
    # It has the variable that the configuration names, and no other of ours.
    assert answer["content"][0]["text"] == f"{asked['before']} | {asked['after']} | s3cret | no"


def test_over_http(made, settings):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings.GTM_TOOLS = {
        "serena": {"url": f"http://127.0.0.1:{port}/mcp", "calls": [call("compare", before="a", after="b")]}
    }
    assert made(DIFF)["calls"][0]["outcome"] == "not_run"  # 127.0.0.1 is not public
    settings.GTM_PRIVATE_TOOL_HOSTS = {f"127.0.0.1:{port}"}
    told = made(DIFF)
    assert told["status"] == "not_run"
    assert told["calls"][0]["said"].startswith("The MCP server is not there")
    process = subprocess.Popen([sys.executable, "-m", SERVER, str(port)], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(port))
        told = made(DIFF)
    finally:
        process.kill()
        process.wait()
    assert (told["status"], told["calls"][0]["performed_by"]) == ("answered", "mcp:serena 1.5")


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(
    ("asked", "more", "outcome", "said"),
    [
        (call("sleep", seconds=20), {"seconds": 3}, "failed", "No answer within 3 seconds."),
        (call("talk", length=5000), {"most_bytes": 1000}, "failed", "talk answers with more than"),
        (call("fall"), {}, "failed", "fall ends with an error: "),
        (call("compare", before="x" * 70_000, after=""), {}, "not_run", "The calls are longer"),
        (call("compare"), {"env": ["NOT_SET_HERE"]}, "not_run", "The variable NOT_SET_HERE"),
    ],
)  # fmt: skip
def test_what_is_not_answered_is_said_and_holds_up_no_task(made, settings, asked, more, outcome, said):
    settings.GTM_TOOLS = over_stdio(asked, **more)
    told = made(DIFF)
    assert (told["status"], told["calls"][0]["said"][: len(said)]) == (outcome, said)
    assert (told["calls"][0]["performed_by"] == "mcp:serena 1.5") is (outcome == "failed")


def test_a_server_that_is_not_there_answers_nothing_and_has_no_name(made, settings):
    settings.GTM_TOOLS = {"Serena": {"command": ["no-such-command-here"], "calls": [call("compare")]}}
    (one,) = made(DIFF)["calls"]
    assert (one["outcome"], one["performed_by"], one["result_sha256"]) == ("not_run", None, None)
    assert one["said"].startswith("The MCP server is not there: ")


def test_without_a_configuration_what_is_built_in_answers(made):
    assert made(DIFF, tiers=TIERS)["calls"][0]["performed_by"] == "built-in:definition-diff 1"


def test_the_text_of_a_runbook_chooses_no_server(made, settings):
    """Whatever stands in a hook: it names a tool, and a tool that nobody configured has no server."""
    settings.GTM_TOOLS = over_stdio(call("compare"))
    told = made(hook("definition-diff", "found.tiers", "context.tiers", tool="rm -rf /"), tiers=TIERS)
    assert told["calls"][0]["performed_by"] == "built-in:definition-diff 1"


def test_a_page_on_a_private_address_is_opened_for_nobody(made, settings):
    settings.GTM_TOOLS = over_stdio(call("compare", before="{address}", after=""))
    context = {"tooling": {"dashboard": "http://169.254.169.254/latest"}}
    told = made(hook("browser-flow", "dashboard"), StepResult({"tiers": TIERS}), **context)
    assert (told["status"], told["calls"][0]["performed_by"]) == ("not_run", None)


@pytest.mark.parametrize(
    ("told", "word"),
    [
        ([], "no object"),
        ({"command": ["x"], "calls": [], "shell": "x"}, "unknown keys shell"),
        ({"command": ["x"], "url": "http://x", "calls": [call("a")]}, "not both"),
        ({"url": "file:///etc/passwd", "calls": [call("a")]}, "http"),
        ({"command": "x y", "calls": [call("a")]}, "list of texts"),
        ({"command": ["x"], "calls": []}, "1 to 10"),
        ({"command": ["x"], "calls": [call("a")] * 11}, "1 to 10"),
        ({"command": ["x"], "calls": [call("a", x="{secret}")]}, "no place {secret}"),
        ({"command": ["x"], "calls": [call("a")], "seconds": 301}, "seconds up to 300"),
        ({"command": ["x"], "calls": [call("a")], "most_bytes": 10**9}, "most_bytes"),
        ({"command": ["x"], "calls": [call("a")], "env": ["KEY=value"]}, "not values"),
    ],
)
def test_a_configuration_that_cannot_be_used_says_why(told, word):
    with pytest.raises(BadToolServer, match=word.replace("{", r"\{").replace("}", r"\}")):
        servers.read("Serena", told)
