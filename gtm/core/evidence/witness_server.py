"""A witness that answers by HTTP, on the machine of whoever is one: no database, no account.

It is the protocol C2SP tlog-witness: POST to ``/add-checkpoint``. Anybody may ask; it signs only for the logs
whose keys it was given, and only what continues what it signed before.
"""

from __future__ import annotations

from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gtm.core.evidence.notes import NoteKey
from gtm.core.evidence.witness import ADD_CHECKPOINT, MOST_BYTES, Witness, WitnessAnswer

SECONDS = 20.0
"""For the whole of a request: one who sends slowly holds up one thread for so long."""


def make_server(host: str, port: int, witness: Witness, logs: Sequence[NoteKey]) -> ThreadingHTTPServer:
    """A server that is ready to ``serve_forever``; port 0 takes a free one."""
    known = tuple(logs)

    class Handler(BaseHTTPRequestHandler):
        timeout = SECONDS
        server_version, sys_version = "GTM-Governance-witness", ""

        def do_POST(self) -> None:
            if self.path != f"/{ADD_CHECKPOINT}":
                self._send(WitnessAnswer(404, "Only /add-checkpoint is answered here.\n"))
                return
            length = self.headers.get("Content-Length", "")
            if not length.isascii() or not length.isdecimal():
                self._send(WitnessAnswer(411, "Say how long the request is (Content-Length).\n"))
            elif int(length) > MOST_BYTES:
                self._send(WitnessAnswer(413, f"A request has at most {MOST_BYTES} bytes.\n"))
            else:
                self._send(witness.answer(self.rfile.read(int(length)), known))

        def _send(self, answer: WitnessAnswer) -> None:
            raw = answer.text.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.media_type)
            self.send_header("Content-Length", str(len(raw)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(raw)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Silent: what it signed is in its folder."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    return server
