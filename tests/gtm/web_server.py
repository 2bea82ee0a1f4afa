"""The web server as ``gtm run`` starts it, in a process of its own, on the database of a test."""

import os
import signal
import socket
import subprocess
from http.client import HTTPConnection
from pathlib import Path

from gtm.core.bounded.processes import resident
from gtm.trial.run import programs as site_programs
from tests.conftest import ROOT, database_url, wait_until

LONGEST = 60.0
"""Seconds that an answer may take."""


class WebServer:
    """The web process of ``gtm run``, with its threads, on the database of this test."""

    def __init__(self, home: Path, **environ: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        web = site_programs(host="127.0.0.1", port=self.port, concurrency=1)[0]
        self.log = home / "web.log"
        environment = (
            os.environ
            | {
                "DJANGO_SETTINGS_MODULE": "gtm.settings",
                "DATABASE_URL": database_url(),
                "CELERY_BROKER_URL": "memory://",
                "GTM_DATA_DIR": str(home / "data"),
                "GTM_PLANS_DIR": str(home / "plans"),
                "GTM_ALLOW_IMPERSONATION": "1",
            }
            | environ
        )
        with self.log.open("wb") as output:
            command = (*web.command, "--worker-tmp-dir", str(home))
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=output, stderr=output, process_group=0
            )
        wait_until(lambda: self._status("/healthz") == 200, seconds=60)

    def _status(self, path: str) -> int:
        try:
            return self.ask("GET", path)[0]
        except OSError:
            return 0

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        client = HTTPConnection("127.0.0.1", self.port, timeout=LONGEST)
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        client.request(method, path, body or None, told)
        answer = client.getresponse()
        found = answer.status, answer.read()
        client.close()
        return found

    def memory(self) -> int:
        """MiB of the web processes, without those that compute for them."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return sum(resident(int(child)) for child in children) >> 20

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
