"""A tool hook over MCP: the configured server is asked, within limits, and what it answers is kept whole.

The client is the official SDK's. A server decides nothing: a task is done whatever it answers.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings

from gtm.core import canonical
from gtm.core.later import later
from gtm.core.places.outside import Allowance, NotAllowed, Unreachable, address_of, host_of
from plans.engine.running.kept_files import kept_file
from plans.engine.tools import flows, servers
from plans.engine.tools.request import ToolAnswer, ToolRequest
from plans.engine.tools.servers import BadToolServer, ToolServer
from plans.models import CallOutcome
from plans.schemas.declaration import ToolWork

if TYPE_CHECKING:
    import anyio
    import httpx2
    import mcp
    import mcp_types
    from mcp.client import stdio, streamable_http
else:
    anyio, httpx2, mcp, mcp_types = later("anyio"), later("httpx2"), later("mcp"), later("mcp_types")
    stdio, streamable_http = later("mcp.client.stdio"), later("mcp.client.streamable_http")

AGENT = "gtm-governance"


class _NotThere(Exception):
    """The server was not reached, so nothing was asked of it."""


class _Failed(Exception):
    """The server was asked and has not answered as it should. ``by``: what it calls itself."""

    def __init__(self, said: str, by: str = ""):
        super().__init__(said)
        self.by = by


def ask(server: ToolServer, asked: ToolRequest) -> ToolAnswer:
    """Make the configured calls. What is not asked is not run; what is not answered has failed."""
    arguments: dict[str, Any] = {"calls": [call.tool for call in server.calls]}
    try:
        places = _places(asked)
        arguments["calls"] = [
            {"tool": call.tool, "arguments": servers.filled(call.arguments, places)} for call in server.calls
        ]
        if len(canonical.dumps(arguments)) > servers.MOST_SENT:
            raise _NotThere(f"The calls are longer than {servers.MOST_SENT:,} bytes.")
        asked.progress(99, f"Asking {asked.hook.tool}")
        with ThreadPoolExecutor(1) as own:  # whoever calls may be in a loop already
            by, answers = own.submit(anyio.run, _in_time, server, arguments["calls"]).result()
    except (_NotThere, BadToolServer, NotAllowed, Unreachable) as error:
        return ToolAnswer("", CallOutcome.NOT_RUN, str(error), arguments)
    except _Failed as error:
        return ToolAnswer(error.by, CallOutcome.FAILED, str(error), arguments)
    raw = json.dumps(answers, ensure_ascii=False, indent=1, sort_keys=True).encode()
    title = f"What {asked.hook.tool} answered"
    kept = kept_file(f"tool-{asked.hook.work}", title, raw, "json", "application/json")
    refused = [one["tool"] for one in answers if one["is_error"]]
    outcome = CallOutcome.FAILED if refused else CallOutcome.ANSWERED
    names = ", ".join(one["tool"] for one in answers)
    said = f"{refused[0]} ends with an error: {_first_text(answers)}" if refused else f"Answered: {names}."
    return ToolAnswer(by, outcome, said, arguments, kept)


def _places(asked: ToolRequest) -> dict[str, str]:
    hook, plan = asked.hook, asked.plan
    found = {
        "purpose": hook.purpose,
        "work": hook.work,
        "command": plan.command,
        "program": plan.program.slug,
        "address": "",
        "subject": "",
        "beside": "",
    }
    if hook.work == ToolWork.FLOW:
        found["address"] = _page(asked)
        return found
    for name in ("subject", "beside"):
        place = getattr(hook, name)
        if place and ("." in place):
            found[name] = canonical.dumps(canonical.plain(asked.value(place))).decode()
    return found


def _page(asked: ToolRequest) -> str:
    """The page that a flow opens, checked as every visit is. Raises _NotThere, NotAllowed, Unreachable."""
    name, address = flows.page_of(asked)
    if not address:
        raise _NotThere(f"The program names no {name}. Enter its address under “Tooling” of the program.")
    allowance = Allowance(frozenset({urlsplit(address).netloc.lower()}), settings.GTM_PRIVATE_LINK_HOSTS)
    address_of(address, allowance)
    return address


async def _in_time(server: ToolServer, calls: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    by = ""
    try:
        with anyio.fail_after(server.seconds):
            async with _reached(server) as client:
                by = f"mcp:{client.server_info.name.lower()} {client.server_info.version}"[:120]
                return by, await _called(client, calls, server.most_bytes, by)
    except Exception as error:
        raise _what_it_means(error, by, server) from error


def _what_it_means(error: Exception, by: str, server: ToolServer) -> Exception:
    """The protocol's library groups what its tasks raise; a fault that is not the server's stays itself."""
    inner: BaseException = error
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    if isinstance(inner, TimeoutError):
        said = f"No answer within {server.seconds:g} seconds."
    elif isinstance(inner, OSError | mcp.MCPError | httpx2.HTTPError):
        said = f"The MCP server is not there: {str(inner)[:240] or type(inner).__name__}"
    else:
        return inner if isinstance(inner, Exception) else error
    return _Failed(said, by) if by else _NotThere(said)


@asynccontextmanager
async def _reached(server: ToolServer) -> AsyncIterator[Any]:
    """A client of the server, by a process of our own or over HTTP."""
    told = mcp_types.Implementation(name=AGENT, version=settings.GTM_VERSION)
    if server.url:
        allowance = Allowance({host_of(server.url)}, settings.GTM_PRIVATE_TOOL_HOSTS)
        address_of(server.url, allowance)
        headers = {"Authorization": f"Bearer {token}"} if (token := server.token()) else {}
        async with httpx2.AsyncClient(
            headers=headers, timeout=server.seconds, follow_redirects=False
        ) as http:
            transport = streamable_http.streamable_http_client(server.url, http_client=http)
            async with mcp.Client(transport, client_info=told) as client:
                yield client
        return
    with tempfile.TemporaryDirectory(prefix="gtm-tool-") as folder, open("/dev/null", "w") as nowhere:
        first, *others = server.command
        started = mcp.StdioServerParameters(command=first, args=others, env=server.environment(), cwd=folder)
        async with mcp.Client(stdio.stdio_client(started, errlog=nowhere), client_info=told) as client:
            yield client


async def _called(client: Any, calls: list[dict[str, Any]], most: int, by: str) -> list[dict[str, Any]]:
    """The calls one after the other; after an error, or beyond ``most`` bytes, no further one."""
    answers: list[dict[str, Any]] = []
    for call in calls:
        found = await client.call_tool(call["tool"], call["arguments"])
        content = [block.model_dump(mode="json", exclude_none=True) for block in found.content]
        answers.append({"tool": call["tool"], "is_error": bool(found.is_error), "content": content})
        if len(json.dumps(answers).encode()) > most:
            raise _Failed(f"{call['tool']} answers with more than {most:,} bytes.", by)
        if found.is_error:
            break
    return answers


def _first_text(answers: list[dict[str, Any]]) -> str:
    texts = [block["text"] for block in answers[-1]["content"] if isinstance(block.get("text"), str)]
    return " ".join(" ".join(texts).split())[:240] or "it says nothing."
