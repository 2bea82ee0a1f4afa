"""The client of the official SDK, over stdio and over HTTP: what an agent can do, and what it is refused."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path

import httpx2
import pytest
from django.conf import settings
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import Implementation

from gtm.core import access_tokens
from gtm.core.actors import Actor, acting_as
from gtm.core.models import ChangeLogEntry
from plans.demo import organisation
from plans.models import Plan
from programs.models import Dataset
from programs.services import load_dataset
from tests.conftest import ROOT, database_url
from tests.documents.usage import LAUNCH, MONITOR, OPTIMIZE, PLAN, TRACK
from tests.doors import user

VERIFIER = ROOT / "plans/export/verify_plan.py"
AGENT = Implementation(name="test-agent", version="4.2")


@pytest.fixture
def organisation_with_data(transactional_db) -> None:
    with acting_as(Actor.system("Test")):
        loyalty = organisation.establish()
        with resources.as_file(resources.files("programs.datasets") / "samples" / organisation.CDNOW) as file:
            load_dataset("purchases", [file], program=loyalty, currency="USD")


def token(username: str = "ops", *scopes: str) -> str:
    account = user(username)
    with acting_as(Actor.of_user(account, "test")):
        _, secret = access_tokens.make(account, name="agent", scopes=scopes or list(access_tokens.SCOPES))
    return secret


@asynccontextmanager
async def by_http(address: str, secret: str, mode: str = "auto") -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        transport = streamable_http_client(f"{address}/mcp/", http_client=http)
        async with Client(transport, client_info=AGENT, mode=mode) as client:
            yield client


def by_stdio(secret: str) -> Client:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "gtm.settings",
        "DATABASE_URL": database_url(),
        "GTM_PLANS_DIR": str(settings.GTM_PLANS_DIR),
        "GTM_DATA_DIR": str(settings.GTM_DATA_DIR),
        "GTM_ANCHORS_DIR": str(settings.GTM_ANCHORS_DIR),
        "GTM_KEYS_DIR": str(settings.GTM_KEYS_DIR),
        "GTM_BROWSER": "off",
        "GTM_TOKEN": secret,
    }
    server = StdioServerParameters(
        command=sys.executable, args=["manage.py", "mcp"], env=environment, cwd=str(ROOT)
    )
    return Client(server, client_info=AGENT)


async def call(client: Client, tool: str, **arguments):
    """What the tool answered; a refusal is its problem document, with what was said beside it."""
    answer = await client.call_tool(tool, arguments)
    said = answer.content[0].text
    return {"refused": said, **(answer.structured_content or {})} if answer.is_error else (
        answer.structured_content or said
    )  # fmt: skip


async def to_its_gate(client: Client, plan_id: str) -> tuple[dict, list[str]]:
    lines: list[str] = []

    async def hear(done: float, total: float | None, line: str | None) -> None:
        lines.append(f"{done:.0f}/{total:.0f} {line}")

    for _ in range(10):
        wanted = {"plan_id": plan_id, "seconds": 60}
        answer = await client.call_tool("wait", wanted, progress_callback=hear)
        if not answer.structured_content["is_moving"]:
            return answer.structured_content, lines
    raise AssertionError(lines)


def test_an_agent_types_a_usage_line_over_http_and_watches_it_over_stdio(
    organisation_with_data, live_server, tmp_path: Path
):
    ops, analyst, finance = token(), token("analyst"), token("finance")

    async def story() -> str:
        async with by_http(live_server.url, ops) as agent:
            prompts = await agent.list_prompts()
            assert len(prompts.prompts) == 5
            seen = await call(agent, "dry_run", usage=PLAN)
            assert {item["result"] for item in seen["review_checklist"]} == {"passed"}
            asked = {seat["role"] for one in seen["approvers"] for seat in one["seats"]}
            assert {"finance", "legal"} <= asked
            started = await call(agent, "start_run", usage=PLAN, idempotency_key="once")
            again = await call(agent, "start_run", usage=PLAN, idempotency_key="once")
            plan_id = started["plan_id"]
            assert again["plan_id"] == plan_id
        async with by_stdio(ops) as agent:
            stood, lines = await to_its_gate(agent, plan_id)
            assert "Ana Kovač: 2.3 Validation of segments" in " ".join(stood["waits_for"])
            assert lines[0].startswith("0/9") and lines[-1].startswith("4/9")
        async with by_http(live_server.url, finance) as agent:
            refused = await call(agent, "complete_task", task=f"{plan_id}/2.3", evidence={"note": "Seen"})
            assert refused["status"] == 403, refused
        async with by_stdio(analyst) as agent:
            without = await call(agent, "complete_task", task=f"{plan_id}/2.3", evidence={})
            assert "without evidence" in without["refused"]
            done = await call(agent, "complete_task", task=f"{plan_id}/2.3", evidence={"note": "Compared"})
            assert done["state"] == "succeeded"
            stood, _ = await to_its_gate(agent, plan_id)
            gates = {row["gate"]: row for row in stood["approvals"]}
            assert len(gates) == 2, gates
            gate = next(iter(gates.values()))
            number = str(gate["id"])
            refused = await call(agent, "decide", approval=number, decision="approve", comment="Fine")
            assert "tokens and services cannot decide" in refused["refused"]
            assert gate["address"] in refused["refused"]
        async with by_http(live_server.url, ops, mode="legacy") as agent:
            read = await call(agent, "read_output", plan_id=plan_id, output="blueprint", form="csv")
            assert read["content"].count("\n") > 3
            checked = await call(agent, "verify", plan_id=plan_id)
            assert checked["is_intact"]
            document = await agent.read_resource(f"plan://{plan_id}")
            (tmp_path / "plan.json").write_text(document.contents[0].text)
            stopped = await call(agent, "ripcord", plan_id=plan_id, reason="The figures are of last year")
            assert stopped["state"] == "held"
        return plan_id

    plan = Plan.objects.get(plan_id=asyncio.run(story()))
    proof = subprocess.run([sys.executable, VERIFIER, tmp_path / "plan.json"], capture_output=True, text=True)
    assert proof.returncode == 0, proof.stdout + proof.stderr
    assert {row.state for row in plan.approvals.all()} & {"approved"} == set()
    rows = ChangeLogEntry.objects.filter(chain=plan.change_chain(), via="mcp")
    assert all(row.request_id.startswith("test-agent 4.2 ") for row in rows)
    events = set(rows.values_list("event", flat=True))
    assert {"submit", "complete", "decision refused"} <= events


@pytest.mark.parametrize("line", [PLAN, MONITOR, OPTIMIZE, LAUNCH, TRACK])
def test_each_usage_line_is_understood_word_for_word(organisation_with_data, live_server, line):
    """Without its data it is refused for that, and for nothing of the line."""

    async def story() -> dict:
        async with by_http(live_server.url, token_of_ops) as agent:
            return await call(agent, "dry_run", usage=line)

    token_of_ops = token()
    answer = asyncio.run(story())
    fields = {problem["field"] for problem in answer.get("errors", [])}
    assert answer.get("usage", "").startswith(line.split(" ")[0]) or fields == {"datasets"}


def test_a_token_does_what_its_scopes_say_and_nobody_comes_in_without(
    organisation_with_data, live_server, client
):
    reader = token("ops", "read")

    async def story() -> dict:
        async with by_http(live_server.url, reader) as agent:
            assert (await call(agent, "list_commands"))["commands"]
            return await call(agent, "start_run", usage=PLAN)

    assert "needs the scope “run”" in asyncio.run(story())["refused"]
    assert not Plan.objects.exists()
    assert client.get("/mcp/").status_code == 405
    for header in ({}, {"Authorization": "Bearer gtm_wrong"}, {"Authorization": f"Basic {reader}"}):
        refused = client.post("/mcp/", {}, content_type="application/json", headers=header)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    foreign = {"Authorization": f"Bearer {reader}", "Origin": "https://elsewhere.example"}
    assert client.post("/mcp/", {}, content_type="application/json", headers=foreign).status_code == 403
    borrowed = {"Authorization": f"Bearer {reader}", "Mcp-Session-Id": "not-ours"}
    assert client.post("/mcp/", {}, content_type="application/json", headers=borrowed).status_code == 404


ORDERS = "order_id,customer_id,ordered_at,amount\n1,a,2026-01-05,10.50\n2,b,2026-02-06,20.00\n"


def test_an_agent_loads_only_what_it_has_looked_at(organisation_with_data, live_server):
    """The same file and the same words; another file, an open question or another token is refused."""
    loader, reader = token(), token("ops", "read", "run")
    said = {"program": "cdnow", "file_name": "orders.csv", "content": ORDERS}
    terms = {"kind": "purchases", "options": {"currency": "USD"}}

    async def story() -> tuple[dict, ...]:
        async with by_http(live_server.url, reader) as agent:
            without = await call(agent, "load_dataset", **said)
        async with by_http(live_server.url, loader) as agent:
            first = await call(agent, "load_dataset", **said)
            seen = await call(agent, "load_dataset", **said, **terms)
            unseen = await call(agent, "load_dataset", **said, **terms, series="replace", look="a" * 43)
            more = said | {"content": ORDERS + "3,c,2026-03-07,9999\n"}
            other = await call(agent, "load_dataset", **more, **terms, series="replace", look=seen["look"])
            undecided = await call(agent, "load_dataset", **said, **terms, look=seen["look"])
            done = await call(agent, "load_dataset", **said, **terms, series="replace", look=seen["look"])
            late = await call(agent, "load_dataset", **said, **terms, series="replace", look=seen["look"])
            assert "other current data" in late["refused"]
            wrong = await call(agent, "load_dataset", **said, form="hex", options={"colour": "red"})
            large = await call(agent, "load_dataset", **(said | {"content": "x" * (3 * 2**20 + 1)}))
        return without, first, seen, unseen, other, undecided, done, wrong, large

    without, first, seen, unseen, other, undecided, done, wrong, large = asyncio.run(story())
    assert "needs the scope “load”" in without["refused"]
    assert (first["stored"], first["look"], first["kind"]) == (False, "", "purchases"), first
    assert seen["look"] and not seen["questions"]
    assert "not looked at" in unseen["refused"] and "not looked at" in other["refused"]
    assert {problem["field"] for problem in undecided["errors"]} == {"series"}, undecided
    assert (done["stored"], done["rows"]) == (True, 2), done
    assert {problem["field"] for problem in wrong["errors"]} == {"form", "options"}
    assert "at most 3,145,728" in large["refused"]
    loaded = Dataset.objects.get(pk=done["dataset"])
    assert (loaded.rows, loaded.program.slug) == (2, "cdnow")
    assert ChangeLogEntry.objects.filter(via="mcp", request_id__startswith="test-agent 4.2 ").exists()
