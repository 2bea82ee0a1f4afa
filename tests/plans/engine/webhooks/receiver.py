"""A receiver as somebody outside would write it: the official library and a list, and nothing of ours."""

import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError


class Receiver(ThreadingHTTPServer):
    """``taken``: bodies whose signature holds, in the order they were answered with 204.

    ``answer(number)`` says what request ``number`` is answered with: a status, or None to hang up;
    ``refuses(event)`` which events it will not take. ``is_of_another_time``: it does not look at the age of a
    signature, where the test moves the time of the site.
    """

    daemon_threads = True

    def __init__(self, answer=lambda number: 204):
        super().__init__(("127.0.0.1", 0), _Request)
        self.answer, self.secrets, self.headers, self.refuses = answer, [], {}, None
        self.is_of_another_time = False
        self.requests, self.taken, self.forged = 0, [], 0
        self.lock = threading.Lock()

    @property
    def host(self):
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def url(self):
        return f"http://{self.host}/events"

    @property
    def once(self):
        """The events without what came again under an id that is known: what a receiver works on."""
        return list({event["id"]: event for event in self.taken}.values())


class _Request(BaseHTTPRequestHandler):
    def do_POST(self):
        site = self.server
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        with site.lock:
            site.requests += 1
            status = site.answer(site.requests)
            if status is None:
                self.connection.close()
                return
            try:
                self.verify(raw, Webhook(site.secrets[-1]))
            except WebhookVerificationError:
                site.forged, status = site.forged + 1, 401
            if site.refuses is not None and site.refuses(json.loads(raw)):
                status = 422
            if 200 <= status < 300:
                site.taken.append(json.loads(raw))
            self.send_response(status)
            for name, value in site.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def verify(self, raw, webhook):
        if not self.server.is_of_another_time:
            webhook.verify(raw, dict(self.headers))
            return
        at = datetime.fromtimestamp(int(self.headers["webhook-timestamp"]), UTC)
        if (
            webhook.sign(self.headers["webhook-id"], at, raw.decode())
            not in self.headers["webhook-signature"]
        ):
            raise WebhookVerificationError("No matching signature found")

    def log_message(self, *args):
        """The test reads ``taken``."""


@contextmanager
def receiving(**how):
    site = Receiver(**how)
    thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.shutdown()
        site.server_close()
        thread.join()
