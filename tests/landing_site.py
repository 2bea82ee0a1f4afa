"""A small web site on loopback for link checks: what a launch may meet, good and bad."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

FORM = '<!doctype html><title>Join</title><form><input name="ref" value="{code}"></form>{script}'
KEEPS = """<script>
document.querySelector("input").value = new URLSearchParams(location.search).get("ref")
</script>"""


class Site(BaseHTTPRequestHandler):
    """A path a behaviour; ``server.asked`` collects what was asked for."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        parts = urlsplit(self.path)
        query = f"?{parts.query}" if parts.query else ""
        code = parse_qs(parts.query).get("ref", [""])[0]
        goes = {
            "/keeps": f"/join{query}",
            "/drops": "/join",
            "/loop": f"/loop-back{query}",
            "/loop-back": f"/loop{query}",
            "/endless": f"/endless?{parts.query}x",
            "/away": f"http://not-allowed.example/{query}",
            "/inside": "http://169.254.169.254/latest/meta-data/",
            "/unencoded": f"/join/größe{query}",
            "/elsewhere": self.server.elsewhere,
        }
        if parts.path in goes:
            return self.answer(302, "", location=goes[parts.path])
        pages = {
            "/join": FORM.format(code=code, script=""),
            "/forgets": FORM.format(code="", script=""),
            "/stuck": FORM.format(code="of-another", script=""),
            "/script": FORM.format(code="", script=KEEPS),
            "/bare": "<!doctype html><p>No form here.",
            "/large": "x" * 2_000_000,
        }
        if parts.path == "/trickle":
            return self.trickle()
        if parts.path.startswith("/join/") or parts.path in pages:
            return self.answer(200, pages.get(parts.path, "here"))
        return self.answer(503 if parts.path == "/broken" else 404, "gone")

    def answer(self, status: int, body: str, location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location.encode().decode("latin-1"))
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def trickle(self) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.server.closing.is_set():
            self.wfile.write(b".")
            time.sleep(0.05)

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@contextmanager
def landing_site() -> Iterator[ThreadingHTTPServer]:
    """The site on a free port; ``server.host`` is "127.0.0.1:port"."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        server.asked, server.closing, server.daemon_threads = [], threading.Event(), True
        server.host = f"127.0.0.1:{server.server_port}"
        server.elsewhere = ""
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()
