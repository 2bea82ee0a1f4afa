"""``/mcp/``: the protocol over streamable HTTP, in the web process that is there.

Each request stands for itself, so any web process can answer it. The site speaks WSGI and the protocol's
library ASGI: one event loop in a thread of its own carries all requests of a process.
"""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from collections.abc import Iterator, MutableMapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from gtm.core import access_tokens
from gtm.core.api import problem
from gtm.core.errors import NotPermitted
from gtm.core.later import later
from plans.mcp import callers

if TYPE_CHECKING:
    from mcp.server import streamable_http_manager

    from plans.mcp import server
else:
    server, streamable_http_manager = later("plans.mcp.server"), later("mcp.server.streamable_http_manager")

MOST_BYTES = 4 * 2**20
SESSION = "Mcp-Session-Id"
INITIALIZE = "initialize"
NAMES_ITS_AGENT = ("clientInfo", "name"), ("clientInfo", "version")
Message = MutableMapping[str, Any]


@csrf_exempt  # it takes a token and no session, so another site can have a browser send nothing
def endpoint(request: HttpRequest) -> HttpResponseBase:
    """One message of an agent. 401 without a token, 405 for what only servers with a memory offer."""
    if request.method != "POST":
        refused = problem.response(
            405, "method_not_allowed", "Only POST is answered here", "Each message is a POST of its own."
        )
        refused["Allow"] = "POST"
        return refused
    if not _is_from_here(request):
        return problem.response(
            403, "foreign_origin", "Another site sent this", "Its Origin is not this site."
        )
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() not in ("bearer", "token") or not token.strip():
        return _who_are_you("Send the token of an account: Authorization: Bearer TOKEN.")
    try:
        known = access_tokens.find(token.strip())
    except NotPermitted as error:
        return _who_are_you(error.detail)
    access_tokens.note_use(known)
    account = known.user
    if int(request.headers.get("Content-Length") or 0) > MOST_BYTES:
        said = f"A message has at most {MOST_BYTES:,} bytes."
        return problem.response(413, "too_large", "The message is too large", said)
    body = request.read(MOST_BYTES)
    session = request.headers.get(SESSION, "")
    agent = callers.agent_in(session, account) if session else None
    if session and agent is None:
        said = "Begin again: the session is of another token, or of a site with another key."
        return problem.response(404, "no_such_session", "There is no such session", said)
    return _answer(request, body, known, agent)


def _who_are_you(detail: str) -> JsonResponse:
    answer = problem.response(401, "not_authenticated", "Who are you?", detail)
    answer["WWW-Authenticate"] = "Bearer"
    return answer


def _is_from_here(request: HttpRequest) -> bool:
    """A browser says which site sends; an agent has no Origin."""
    origin = request.headers.get("Origin")
    known = {urlsplit(settings.GTM_BASE_URL).netloc, request.get_host()}
    return origin is None or urlsplit(origin).netloc in known or origin in settings.CSRF_TRUSTED_ORIGINS


def _answer(request: HttpRequest, body: bytes, token: Any, agent: str | None) -> HttpResponseBase:
    exchange = Exchange(_scope(request, token, agent), body)
    exchange.begin()
    start = exchange.next()
    if start is None:
        return problem.response(
            500, "defect", "Something went wrong on our side", "The server's log shows it."
        )
    headers = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    if headers.get("content-type", "").startswith("text/event-stream"):
        answer: HttpResponseBase = StreamingHttpResponse(exchange.parts(), status=start["status"])
    else:
        answer = HttpResponse(b"".join(exchange.parts()), status=start["status"])
    for name, value in headers.items():
        if name.lower() not in ("content-length", "connection"):
            answer[name] = value
    if new := _agent_that_begins(body):
        answer[SESSION] = callers.session_of(token.user, new)
    return answer


def _scope(request: HttpRequest, token: Any, agent: str | None) -> Message:
    """The request for ASGI. Its secret stays here: nothing behind needs it."""
    headers = [
        (name.lower().encode(), value.encode("latin-1", "replace"))
        for name, value in request.headers.items()
        if name.lower() not in ("authorization", "cookie", SESSION.lower())
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": request.scheme,
        "path": request.path,
        "raw_path": request.path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "client": None,
        "server": None,
        server.TOKEN: token,
        server.AGENT: agent,
    }


def _agent_that_begins(body: bytes) -> str | None:
    """What the agent calls itself, where this message is its first and only one to say so."""
    if INITIALIZE.encode() not in body[:4096]:
        return None
    try:
        message = json.loads(body)
        told = message["params"]["clientInfo"] if message["method"] == INITIALIZE else None
    except (ValueError, KeyError, TypeError):
        return None
    return callers.named(told.get("name"), told.get("version")) if isinstance(told, dict) else None


class Exchange:
    """One request on the loop of the process, and its answer part by part in this thread."""

    def __init__(self, scope: Message, body: bytes):
        self.scope, self.body = scope, body
        self.sent: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self.gone = asyncio.Event()
        self.is_read = False
        self.future: Future[None] | None = None

    def begin(self) -> None:
        self.future = asyncio.run_coroutine_threadsafe(self._run(), loop_of_this_process().loop)
        self.future.add_done_callback(lambda _: self.sent.put(None))

    async def _run(self) -> None:
        await loop_of_this_process().manager.handle_request(self.scope, self._receive, self._send)

    async def _receive(self) -> Message:
        if not self.is_read:
            self.is_read = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self.sent.put(message)

    def next(self) -> Message | None:
        """The next message of the answer; None at its end. A defect of ours is raised here, into the log."""
        message = self.sent.get()
        if message is None and self.future is not None and not self.future.cancelled():
            self.future.result()
        return message

    def parts(self) -> Iterator[bytes]:
        """The body as it comes. Whoever stops reading ends what computes it."""
        try:
            while (message := self.next()) is not None:
                if message["type"] == "http.response.body":
                    if part := message.get("body", b""):
                        yield part
                    if not message.get("more_body", False):
                        return
        finally:
            loop_of_this_process().loop.call_soon_threadsafe(self.gone.set)


class ProtocolLoop:
    """The event loop of a process, in a thread, with the protocol's server on it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.is_up = threading.Event()
        self.thread = threading.Thread(
            target=self.loop.run_until_complete, args=(self._serve(),), daemon=True
        )
        self.thread.name = "mcp"
        self.thread.start()
        self.is_up.wait()

    async def _serve(self) -> None:
        built = server.build()
        self.manager = streamable_http_manager.StreamableHTTPSessionManager(
            built._lowlevel_server, stateless=True, max_request_body_size=MOST_BYTES
        )
        async with self.manager.run():
            self.is_up.set()
            await asyncio.Event().wait()


_lock = threading.Lock()
_loops: list[ProtocolLoop] = []


def loop_of_this_process() -> ProtocolLoop:
    """Made when the first agent comes, after the web server has forked."""
    with _lock:
        if not _loops:
            _loops.append(ProtocolLoop())
        return _loops[0]
