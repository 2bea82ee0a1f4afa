"""A client of GTM Governance in one file: Python 3.11 and its standard library, nothing else.

    site = Client("https://gtm.example.com", token)
    line = "/loyalty-lifecycle-orchestration:plan-loyalty --goal retention --tiers 3 --budget 50000"
    plan = site.start(line, key="2026-11")
    plan = site.wait(plan["plan_id"])

Copy it, or write your own from the OpenAPI document at ``/api/v1/schema/``: each call here is one of it.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

STILL_MOVING = ("running", "in_review", "approved", "draft")
"""States of a plan in which something may still happen without people."""


class Refused(Exception):
    """The site refused a call: ``status``, ``code``, and in ``errors`` each field that was wrong."""

    def __init__(self, status: int, problem: Mapping[str, Any]):
        self.status, self.code = status, problem.get("code", "")
        self.errors = list(problem.get("errors", []))
        told = [problem.get("detail") or problem.get("title") or "", *(str(one) for one in self.errors)]
        super().__init__(f"{status}: " + " ".join(part for part in told if part))


class Client:
    """One site and one token. ``seconds`` is how long an answer may take."""

    def __init__(self, site: str, token: str, *, seconds: float = 60):
        self.base, self.token, self.seconds = site.rstrip("/") + "/api/v1/", token, seconds

    def commands(self) -> list[dict[str, Any]]:
        return list(self.pages("commands/"))

    def start(self, usage: str, *, key: str, program: str = "") -> dict[str, Any]:
        """Start a usage line, word for word. The same ``key`` starts one plan, however often you send it."""
        body = {"usage": usage} | ({"program": program} if program else {})
        return self.call("POST", "runs/", body, headers={"Idempotency-Key": key})

    def plans(self, **filters: str) -> Iterator[dict[str, Any]]:
        return self.pages("plans/", filters)

    def plan(self, plan_id: str) -> dict[str, Any]:
        return self.call("GET", f"plans/{plan_id}/")

    def wait(self, plan_id: str, *, seconds: float = 600, every: float = 2) -> dict[str, Any]:
        """The plan once no task of it is at work any more, or after so many seconds."""
        until = time.monotonic() + seconds
        while True:
            plan = self.plan(plan_id)
            at_work = any(self.tasks(plan__plan_id=plan_id, state__in="ready,leased,running,retry_wait"))
            if plan["state"] not in STILL_MOVING or not at_work or time.monotonic() > until:
                return plan
            time.sleep(every)

    def export(self, plan_id: str) -> bytes:
        """The plan JSON, byte for byte: what ``verify_plan.py`` checks."""
        return self.raw("GET", f"plans/{plan_id}/export/")

    def tasks(self, **filters: str) -> Iterator[dict[str, Any]]:
        return self.pages("tasks/", filters)

    def complete(
        self,
        task: int,
        *,
        evidence: Mapping[str, str],
        result: Mapping[str, Any] | None = None,
        key: str = "",
    ) -> dict[str, Any]:
        """Complete a task of people. A decision on an approval needs a person who is logged in.

        With a ``key``, here and below, the call is done once, however often you send it within a day.
        """
        body = {"evidence": evidence, "result": result or {}}
        return self.call("POST", f"tasks/{task}/complete/", body, headers=_once(key))

    def load(self, file: Path, *, kind: str, program: str, key: str = "", **options: str) -> dict[str, Any]:
        """Load a file of rows: CSV, Parquet, JSON, JSONL, XLSX or zip."""
        fields = {"kind": kind, "program": program, **options}
        body, media_type = _multipart(fields, file)
        told = {"Content-Type": media_type, **_once(key)}
        return json.loads(self.raw("POST", "datasets/upload/", body, told))

    def subscribe(self, name: str, url: str, *, events: list[str], program: str = "") -> dict[str, Any]:
        """Have events posted to an address. The answer has the secret that signs, once."""
        body = {"name": name, "url": url, "events": events} | ({"program": program} if program else {})
        return self.call("POST", "webhooks/", body)

    # ---------------------------------------------------------------- how it is asked

    def pages(self, path: str, filters: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """Every row of a list, page after page: as ``ordering`` says, else in the order they were made.

        ``fields`` among the filters names the properties that you want, with commas between them.
        """
        walk = {} if "ordering" in (filters or {}) else {"cursor": ""}
        address: str | None = f"{self.base}{path}?{urllib.parse.urlencode({**walk, **(filters or {})})}"
        while address:
            page = json.loads(self.raw("GET", address))
            yield from page["results"]
            address = page["next"]

    def call(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """A call with JSON in and out. Raises Refused."""
        raw = None if body is None else json.dumps(body).encode()
        told = {"Content-Type": "application/json"} if raw is not None else {}
        return json.loads(self.raw(method, path, raw, {**told, **(headers or {})}))

    def raw(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """A call with bytes in and out. The token goes to the site alone, wherever a link may lead."""
        address = urllib.parse.urljoin(self.base, path)
        if urllib.parse.urlsplit(address)[:2] != urllib.parse.urlsplit(self.base)[:2]:
            raise ValueError(f"{address} is not of {self.base}")
        told = {"Authorization": f"Token {self.token}", "Accept": "application/json", **(headers or {})}
        request = urllib.request.Request(address, body, told, method=method)  # noqa: S310 - checked above
        try:
            with urllib.request.urlopen(request, timeout=self.seconds) as answer:  # noqa: S310 - as above
                found: bytes = answer.read()
                return found
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8", "replace")
            is_problem = "json" in error.headers.get("Content-Type", "")
            raise Refused(error.code, json.loads(text) if is_problem else {"detail": text[:500]}) from error


def _once(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key} if key else {}


def _multipart(fields: Mapping[str, str], file: Path) -> tuple[bytes, str]:
    edge = uuid.uuid4().hex
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n'
    rows = f"{head}Content-Type: application/octet-stream\r\n\r\n".encode() + file.read_bytes()
    body = b"".join([*parts, rows, f"\r\n--{edge}--\r\n".encode()])
    return body, f"multipart/form-data; boundary={edge}"
