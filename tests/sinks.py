"""Real servers at the other end: one takes mail (RFC 5321, the few verbs a client needs), one HTTP."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class _Mail(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.say("220 sink")
        while line := self.rfile.readline():
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"QUIT":
                self.say("221 bye")
                return
            if verb == b"DATA":
                self.say("354 go on")
                self.say(self.take())
            else:
                self.say(self.server.answers.get(verb.decode(), "250 ok"))

    def take(self) -> str:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        answer = self.server.answers.get("DATA", "250 taken")
        if answer.startswith("250"):
            self.server.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))
        return answer

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


class MailSink(socketserver.ThreadingTCPServer):
    """``mails`` that arrived; ``answers`` sets what it says to a verb, to refuse."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Mail)
        self.mails: list[EmailMessage] = []
        self.answers: dict[str, str] = {}

    @property
    def port(self) -> int:
        return self.server_address[1]


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.path, json.loads(body)))
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """The test reads ``posts``; a log on standard error would only be noise."""


class HookSink(HTTPServer):
    """``posts`` that arrived, path and JSON; ``status`` and ``location`` set how it answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.posts: list[tuple[str, Any]] = []
        self.status, self.location = 200, ""

    @property
    def port(self) -> int:
        return self.server_address[1]


@contextmanager
def serving(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
