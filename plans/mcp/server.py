"""How the protocol offers what ``work.py`` does: tools, resources, and a prompt for each command.

It imports the protocol's library, so it is itself imported when the first agent comes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from anyio import to_thread
from django.conf import settings
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError
from mcp_types import CallToolResult, TextContent, ToolAnnotations
from pydantic import Field

from gtm.core.api import problem
from gtm.core.errors import GtmError
from plans.mcp import data, work
from plans.mcp.callers import Caller, named
from plans.mcp.waiting import LONGEST, watch
from plans.runs import registry
from plans.schemas.declaration import Command

INSTRUCTIONS = f"""GTM Governance runs go-to-market runbooks as governed plans. A usage line, such as
/loyalty-lifecycle-orchestration:plan-loyalty --goal retention --tiers 3 --budget 50000, is typed word for
word into dry_run or start_run. Show the review checklist of dry_run before you start. Then call wait until
the plan no longer moves: it then waits for people. {work.NEEDS_A_PERSON}"""
READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
STOPS = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True)

TOKEN, AGENT = "gtm.token", "gtm.agent"
"""What the web puts into the scope of a request: its token, and the agent of its session."""

Usage = Annotated[str, Field(description="The usage line, word for word, starting with /plugin:command")]
Program = Annotated[str | None, Field(description="Slug of the program; without it, the default of its kind")]
PlanId = Annotated[str, Field(description="The plan's id, as start_run answers it")]
Options = Annotated[str, Field(description="What follows the command in its usage line")]
TaskName = Annotated[str, Field(description="The task's number, or PLAN/2.3")]


def build(account: Any = None, token: Any = None, *, lends_a_hand: bool = False) -> MCPServer:
    """The server. ``account``: for whom every call acts, by ``token``; else each request brings its own.

    ``lends_a_hand``: waiting for a plan also runs its tasks here, as the command line does.
    """
    server = MCPServer(
        "gtm-governance",
        title="GTM Governance",
        version=settings.GTM_VERSION,
        instructions=INSTRUCTIONS,
        website_url=settings.GTM_BASE_URL,
        subscriptions=False,
        log_level="WARNING",
    )
    _Door(server, account, token, lends_a_hand).open()
    return server


class _Door:
    """Registers the tools. Each runs in a thread, as its caller, and is refused in sentences."""

    def __init__(self, server: MCPServer, account: Any, token: Any, lends_a_hand: bool):
        self.server, self.account, self.token = server, account, token
        self.lends_a_hand = lends_a_hand

    def caller(self, context: Context) -> Caller:
        request = context.request_context.request
        scope = getattr(request, "scope", {})
        token = self.token if self.account is not None else scope[TOKEN]
        account = self.account if self.account is not None else token.user
        params = context.session.client_params
        if params is not None:
            return Caller(account, named(params.client_info.name, params.client_info.version), token)
        return Caller(account, scope.get(AGENT) or named("", ""), token)

    async def ask(self, context: Context, act: Callable[..., Any], *given: Any, **more: Any) -> Any:
        """What ``act`` answers, done in a thread as the caller. Raises what it raises."""
        caller = self.caller(context)
        caller.check(work.SCOPES.get(act, "read"))
        return await to_thread.run_sync(lambda: caller.do(act, *given, **more))

    async def tell(self, context: Context, act: Callable[..., Any], *given: Any) -> CallToolResult:
        """What ``act`` answers as JSON, or its refusal in sentences and as a problem document of REST."""
        return await _told(self.ask(context, act, *given))

    async def read(self, context: Context, act: Callable[..., Any], *given: Any) -> Any:
        try:
            return await self.ask(context, act, *given)
        except GtmError as refused:
            raise ResourceError("\n".join(refused.lines())) from refused

    def open(self) -> None:
        self.offer_reading()
        self.offer_doing()
        self.offer_resources()
        names = Counter(command.name for command in registry.all_commands())
        for command in registry.all_commands():
            self.offer_prompt(command, command.name if names[command.name] == 1 else command.key)

    def offer_reading(self) -> None:
        tool, tell = self.server.tool, self.tell

        @tool(title="List commands", description=work.list_commands.__doc__, annotations=READS)
        async def list_commands(context: Context) -> CallToolResult:
            return await tell(context, work.list_commands)

        @tool(title="Dry run", description=work.dry_run.__doc__, annotations=READS)
        async def dry_run(context: Context, usage: Usage, program: Program = None) -> CallToolResult:
            return await tell(context, work.dry_run, usage, program)

        @tool(title="List plans", description=work.list_plans.__doc__, annotations=READS)
        async def list_plans(context: Context) -> CallToolResult:
            return await tell(context, work.list_plans)

        @tool(title="Plan status", description=work.status.__doc__, annotations=READS)
        async def plan_status(context: Context, plan_id: PlanId) -> CallToolResult:
            return await tell(context, work.status, plan_id)

        @tool(title="Read a task", description=work.read_task.__doc__, annotations=READS)
        async def read_task(context: Context, task: TaskName) -> CallToolResult:
            return await tell(context, work.read_task, task)

        @tool(title="Read an output", description=work.read_output.__doc__, annotations=READS)
        async def read_output(
            context: Context,
            plan_id: PlanId,
            output: Annotated[str, Field(description="Key or number of the output, as plan_status lists it")],
            form: Annotated[str, Field(description=f"One of {', '.join(work.READABLE)}")] = "md",
            first_row: Annotated[int, Field(ge=0, description="Of a long table, the row to begin with")] = 0,
        ) -> CallToolResult:
            return await tell(context, work.read_output, plan_id, output, form, first_row)

        @tool(title="Read the plan JSON", annotations=READS)
        async def read_plan_json(context: Context, plan_id: PlanId) -> CallToolResult:
            """The plan JSON document, the proof of a plan: byte for byte the file in the plans folder."""
            return await tell(context, work.plan_json, plan_id)

        @tool(title="Verify", description=work.verify_plan.__doc__, annotations=READS)
        async def verify(context: Context, plan_id: PlanId) -> CallToolResult:
            return await tell(context, work.verify_plan, plan_id)

        @tool(title="Inbox", description=work.inbox.__doc__, annotations=READS)
        async def inbox(context: Context) -> CallToolResult:
            return await tell(context, work.inbox)

    def offer_doing(self) -> None:
        tool, tell = self.server.tool, self.tell

        @tool(title="Start a run", description=work.start_run.__doc__, annotations=WRITES)
        async def start_run(
            context: Context,
            usage: Usage,
            program: Program = None,
            idempotency_key: Annotated[str | None, Field(description="The same key starts one run")] = None,
        ) -> CallToolResult:
            return await tell(context, work.start_run, usage, program, idempotency_key)

        @tool(title="Load data", description=data.load_dataset.__doc__, annotations=WRITES)
        async def load_dataset(
            context: Context,
            program: Annotated[str, Field(description="Slug of the program that the rows are of")],
            file_name: Annotated[str, Field(description="As the file is called, with its ending")],
            content: Annotated[str, Field(description=f"The file, of at most {data.MOST_BYTES:,} bytes")],
            form: Annotated[str, Field(description="text, or base64 for XLSX and Parquet")] = "text",
            kind: Annotated[str, Field(description="Empty in a first look: found by the columns")] = "",
            partner: Annotated[str, Field(description="Slug of the partner whose rows they are")] = "",
            series: Annotated[str, Field(description="add or replace, where rows are current")] = "",
            profile: Annotated[str, Field(description="A load profile, a preset, or “find” in a look")] = "",
            mapping: Annotated[dict[str, str] | None, Field(description="Our column: theirs")] = None,
            options: Annotated[dict[str, str] | None, Field(description="As currency, time_zone")] = None,
            look: Annotated[str, Field(description="What the look answered, to load")] = "",
        ) -> CallToolResult:
            return await tell(
                context, data.load_dataset, program, file_name, content, form, kind, partner, series, profile,
                mapping, options, look,
            )  # fmt: skip

        @tool(title="Wait for a plan", annotations=WRITES)
        async def wait(
            context: Context,
            plan_id: PlanId,
            seconds: Annotated[float, Field(gt=0, le=LONGEST, description="How long, at most")] = 30,
        ) -> CallToolResult:
            """Wait until a plan no longer moves without people, or the time is over. Tells the progress."""

            async def look() -> dict[str, Any]:
                return await self.ask(context, work.status, plan_id)

            return await _told(watch(look, context.report_progress, seconds, lends_a_hand=self.lends_a_hand))

        @tool(title="Complete a task", description=work.complete_task.__doc__, annotations=WRITES)
        async def complete_task(
            context: Context,
            task: TaskName,
            evidence: Annotated[dict[str, str], Field(description="Name and link or sentence of each proof")],
            comment: str = "",
            result: Annotated[
                dict[str, Any] | None, Field(description="Values that the task asks for")
            ] = None,
        ) -> CallToolResult:
            return await tell(context, work.complete_task, task, evidence, comment, result)

        @tool(title="Pull the rip-cord", description=work.pull_ripcord.__doc__, annotations=STOPS)
        async def ripcord(context: Context, plan_id: PlanId, reason: str) -> CallToolResult:
            return await tell(context, work.pull_ripcord, plan_id, reason)

        @tool(title="Decide (always refused)", annotations=WRITES)
        async def decide(
            context: Context,
            approval: Annotated[str, Field(description="The approval's number, or PLAN/GATE")],
            decision: Annotated[str, Field(description="approve, reject, request_changes or recuse")],
            comment: str = "",
        ) -> CallToolResult:
            """An agent decides nothing. This is refused, on record, and answers where a person decides."""
            return await tell(context, work.decide, approval, decision, comment)

    def offer_resources(self) -> None:
        @self.server.resource("plan://{plan_id}", title="Plan JSON", mime_type="application/json")
        async def plan_document(context: Context, plan_id: str) -> str:
            """The plan JSON document, byte for byte the file in the plans folder."""
            return (await self.read(context, work.plan_json, plan_id)).decode()

        @self.server.resource(
            "plan://{plan_id}/outputs/{output}", title="Output", mime_type="application/json"
        )
        async def plan_output(context: Context, plan_id: str, output: str) -> str:
            """An output of a plan, by key or number: its title and digest, and its rows or text."""
            return json.dumps(await self.read(context, work.read_output, plan_id, output, "json"))

    def offer_prompt(self, command: Command, name: str) -> None:
        @self.server.prompt(
            name=name, title=command.title, description=f"{command.summary} As in: {command.example}"
        )
        def prompt(options: Options = "") -> str:
            return f"{instructions_for(command)}\n\nThe usage line: {command.path} {options}".rstrip()


async def _told(answer: Awaitable[Any]) -> CallToolResult:
    try:
        found = await answer
    except GtmError as refused:
        said = "\n".join(refused.lines())
        content: list[Any] = [TextContent(type="text", text=said)]
        return CallToolResult(content=content, structured_content=problem.of_error(refused), is_error=True)
    if isinstance(found, bytes):
        return CallToolResult(content=[TextContent(type="text", text=found.decode())])
    text = json.dumps(found, indent=1, ensure_ascii=False)
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=found)


def instructions_for(command: Command) -> str:
    """What an agent does with the usage line of a command; the plugins say the same."""
    return (
        f"Run the usage line of {command.path} with the tools of the server gtm-governance, word for word. "
        "First call dry_run and show the review checklist and who must approve. If an item is open, or the "
        "line is refused, say so in the words of the answer and stop. Then call start_run with an "
        "idempotency_key of your own, and wait until is_moving is false. Tell what the plan waits for, with "
        "the addresses of its pages. You decide nothing: approvals, releases and signatures are "
        "for people who are logged in."
    )
