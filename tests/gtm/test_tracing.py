"""Traces of a real web server and a real worker, as a collector of OTLP gets them."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.test import Client
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from gtm.core import tracing
from plans.models import Plan, Task
from tests.conftest import ROOT, wait_until
from tests.doors import build, purchases, user, work_every_day
from tests.gtm.web_server import WebServer

__all__ = ["purchases"]

CALLER = "0af7651916cd43dd8448eb211c80319c"
"""The trace of whoever calls."""
LINE = (
    '/referral-program-orchestration:launch-program --program "Customer Advocates" '
    '--launch-date 2099-06-10 --channels "email"'
)
SECRET = "ana.silva@example.com"


class Collector(ThreadingHTTPServer):
    """Takes what is sent to ``/v1/traces``; ``spans`` are (part, name, trace, attributes)."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, str, str, dict[str, str]]] = []
        self.raw = b""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing is printed."""

        super().__init__(("127.0.0.1", 0), Handler)

    def take(self, body: bytes) -> None:
        self.raw += body
        for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
            part = _plain(sent.resource.attributes)["gtm.part"]
            for scope in sent.scope_spans:
                self.spans += [
                    (part, span.name, span.trace_id.hex(), _plain(span.attributes)) for span in scope.spans
                ]

    def answers(self, status: str) -> int:
        return sum(told.get("http.response.status_code") == status for *_, told in list(self.spans))

    def of(self, trace: str) -> set[tuple[str, str]]:
        return {(part, name) for part, name, its, _ in list(self.spans) if its == trace}


def _plain(attributes) -> dict[str, str]:
    return {one.key: one.value.string_value or str(one.value.int_value) for one in attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_trace_goes_from_the_callers_request_to_the_task_that_it_set_going(
    transactional_db, collector, start_worker, redis_broker, purchases, tmp_path
):
    build(purchases)
    work_every_day()
    client = Client()
    client.force_login(user("ops"))
    sending = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    start_worker(**sending)
    web = WebServer(tmp_path, **sending | {"CELERY_BROKER_URL": redis_broker})
    try:
        cookies = f"sessionid={client.cookies['sessionid'].value}; csrftoken={'a' * 32}"
        told = {"Cookie": cookies, "X_CSRFToken": "a" * 32, "Content_Type": "application/json"}
        called = {"traceparent": f"00-{CALLER}-b7ad6b7169203331-01", "X_Request_ID": "from-elsewhere"}
        body = json.dumps({"usage": LINE}).encode()
        status, answer = web.ask("POST", f"/api/v1/runs/?q={SECRET}", body, **told, **called)
        assert status == 202, answer
        web.ask("GET", f"/api/v1/plans/{SECRET}/", **told)
        web.ask("GET", f"/nowhere/{SECRET}", **told)
        plan = Plan.objects.get(plan_id=json.loads(answer)["plan_id"])
        done = Task.objects.filter(plan=plan, state="succeeded")
        wait_until(done.exists, seconds=120)
        key = done.earliest("finished_at").key
        wait_until(lambda: ("worker", f"task {key}") in collector.of(CALLER), seconds=60)
        wait_until(lambda: collector.answers("404") == 2, seconds=60)
    finally:
        web.stop()
    found = {name: attributes for _, name, its, attributes in collector.spans if its == CALLER}
    request = found["POST /api/v1/runs/"]
    assert (request["http.response.status_code"], request["gtm.request_id"]) == ("202", "from-elsewhere")
    task = found[f"task {key}"]
    assert (
        task["gtm.plan"] == plan.plan_id and task["gtm.state"] == "succeeded" and task["gtm.attempt"] == "1"
    )
    assert found["plans.tasks.run_task"]["celery.state"] == "SUCCESS"
    assert SECRET.encode() not in collector.raw


def test_an_error_is_told_by_its_kind_and_a_site_without_a_collector_loads_nothing(collector):
    raising = "\n".join(
        [
            "from gtm.core import tracing",
            "tracing.start('web')",
            "try:",
            "    with tracing.span('work', plan='p'):",
            f"        raise ValueError('{SECRET}')",
            "except ValueError:",
            "    pass",
            "import sys; print('opentelemetry.sdk' in sys.modules)",
        ]
    )

    def loads(**environ: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", raising],
            cwd=ROOT,
            env=os.environ | environ,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert loads() == "False"
    assert loads(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_port}") == "True"
    [(_, name, _, told)] = collector.spans
    assert (name, told) == ("work", {"gtm.plan": "p", "error.type": "ValueError"})
    assert SECRET.encode() not in collector.raw


def test_a_site_whose_packages_are_missing_says_which_extra_to_install(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SystemExit, match=r"gtm-governance\[tracing\]"):
        tracing.start("web")
