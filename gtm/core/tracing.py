"""Traces (OpenTelemetry): what one request caused, from a click or a call to the last task that it set going.

On where ``OTEL_EXPORTER_OTLP_ENDPOINT`` names a collector; else nothing is loaded, and nothing happens. The
other settings are OpenTelemetry's own. Its instrumentations of Django and Celery are not used: they send
addresses with their parameters, links with secrets in them, and what errors say. A trace leaves the house
and cannot be erased there, so a span holds the route, the kind of an error, the task, the ids of plan and
request, and no word that a person wrote.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from celery.signals import before_task_publish, task_postrun, task_prerun
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve

from gtm.core import request_ids
from gtm.core.later import later

if TYPE_CHECKING:
    from opentelemetry import context, propagate, trace
else:
    context, propagate, trace = map(
        later, ("opentelemetry.context", "opentelemetry.propagate", "opentelemetry.trace")
    )

WANTED_BY = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
MISSING = (
    f"{WANTED_BY[0]} asks for traces, and the packages that send them are not installed. Install the extra: "
    'pip install "gtm-governance[tracing]", or unset the variable.'
)
PACKAGES = (
    "opentelemetry.sdk.resources",
    "opentelemetry.sdk.trace",
    "opentelemetry.sdk.trace.export",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
)
_parts: list[str] = []
"""What this process was started as; empty where it sends nothing."""
_running: dict[str, tuple[Any, Any, Any]] = {}
"""Id of a Celery message → its span, what ends it, and the token of the context around it."""


def is_wanted() -> bool:
    off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return not off and any(os.environ.get(name) for name in WANTED_BY)


def start(part: str) -> None:
    """Sends spans of this process from now on; ``part`` is web or worker.

    Raises SystemExit where the packages are missing.
    """
    if not is_wanted():
        return
    try:
        resources, sdk, export, otlp = map(import_module, PACKAGES)
    except ModuleNotFoundError as error:
        raise SystemExit(MISSING) from error
    told = {"service.namespace": "gtm-governance", "gtm.part": part}
    provider = sdk.TracerProvider(resource=resources.Resource.create(told))
    provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    before_task_publish.connect(_send_along)
    task_prerun.connect(_go_on)
    task_postrun.connect(_end)
    _parts.append(part)


@contextmanager
def span(name: str, *, kind: str = "internal", parent: Any = None, **told: str | int) -> Iterator[Any]:
    """A span around what is done; ``told`` are its attributes, each under ``gtm.``.

    Gives None where this process sends nothing. An error ends it with the name of its class alone.
    """
    if not _parts:
        yield None
        return
    opened = trace.get_tracer("gtm").start_as_current_span(
        name,
        context=parent,
        kind=trace.SpanKind[kind.upper()],
        attributes={f"gtm.{key}": value for key, value in told.items()},
        record_exception=False,
        set_status_on_exception=False,
    )
    with opened as made:
        try:
            yield made
        except BaseException as error:
            made.set_attribute("error.type", type(error).__name__)
            made.set_status(trace.Status(trace.StatusCode.ERROR))
            raise


class TracingMiddleware:
    """A span for each request, within the trace that the caller names (W3C ``traceparent``)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not _parts:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        named = {name.lower(): value for name, value in request.headers.items()}
        method, pattern = request.method or "", route(request)
        with span(f"{method} {pattern}", kind="server", parent=propagate.extract(named)) as made:
            told = {"http.request.method": method, "http.route": pattern}
            made.set_attributes(told | {"gtm.request_id": request_ids.current()})
            response = self.get_response(request)
            made.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= 500:
                made.set_status(trace.Status(trace.StatusCode.ERROR))
            return response


def route(request: HttpRequest) -> str:
    """The pattern of its address, never the address: that may hold names and secrets."""
    try:
        return "/" + resolve(request.path_info).route.removesuffix("$")
    except Resolver404:
        return "(no page)"


def _send_along(headers: dict[str, Any], **_: Any) -> None:
    propagate.inject(headers)


def _go_on(task_id: str, task: Any, **_: Any) -> None:
    """What a traced request or task has rung for goes on in its trace; what the clock rings for has none."""
    carried = {name: getattr(task.request, name, None) for name in ("traceparent", "tracestate")}
    if not carried["traceparent"]:
        return
    token = context.attach(propagate.extract({name: value for name, value in carried.items() if value}))
    opened = span(task.name, kind="consumer")
    _running[task_id] = opened.__enter__(), opened, token


def _end(task_id: str, state: str | None = None, **_: Any) -> None:
    if task_id in _running:
        made, opened, token = _running.pop(task_id)
        made.set_attribute("celery.state", state or "UNKNOWN")
        opened.__exit__(None, None, None)
        context.detach(token)
