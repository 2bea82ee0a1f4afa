"""The OpenAPI document against the site: schemathesis makes requests from it and checks what comes back."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

EXAMPLES = int(os.environ.get("GTM_FUZZ_EXAMPLES", "1"))
"""Requests of each kind for each operation and account: ``make fuzz`` sends many."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
Known = Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Account:
    """Who asks: what goes with every request."""

    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)


def _site(environ: Any, start_response: Any) -> Any:
    """The site, in the transaction of the test: no connection is closed between two requests."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    try:
        return get_wsgi_application()(environ, start_response)
    finally:
        for signal in signals:
            signal.connect(close_old_connections)


def operations(reader: Account) -> Iterator[Any]:
    """Each operation of the document as the site serves it to somebody who may read it."""
    document = schemathesis.openapi.from_wsgi(
        "/api/v1/schema/", _site, headers={"Cookie": "; ".join(f"{k}={v}" for k, v in reader.cookies.items())}
    )
    for found in document.get_all_operations():
        yield found.ok()


def finding(operation: Any, account: Account, known: Known) -> str:
    """What an operation does that the document does not say, with the request that shows it; else empty.

    ``known`` answers path parameters that exist, for three requests in four: they shall find something.
    """
    return next(filter(None, (_of_mode(operation, mode, account, known) for mode in MODES)), "")


def _of_mode(operation: Any, mode: GenerationMode, account: Account, known: Known) -> str:
    sent: list[str] = []

    @given(data=st.data())
    @settings(
        max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck), deadline=None
    )
    def probe(data: Any) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if data.draw(st.integers(0, 3)) and (there := known(case.path)):
            case.path_parameters = {**(case.path_parameters or {}), **there}
        own = {name: value for name, value in (case.headers or {}).items() if name.lower() != "cookie"}
        case.headers, case.cookies = own, {}
        sent[:] = [case.as_curl_command()[:2000]]
        with transaction.atomic():
            response = case.call(headers=dict(account.headers), cookies=dict(account.cookies))
            transaction.set_rollback(True)
        case.validate_response(response, checks=CHECKS)

    try:
        probe()
    except Unsatisfiable:
        return ""  # nothing of this mode can be made: an operation without parameters has no wrong ones
    except (Failure, FailureGroup) as failure:
        failures = failure.exceptions if isinstance(failure, FailureGroup) else [failure]
        told = "; ".join(f"{one.title}: {str(one.message)[:600]}" for one in failures)
        return re.sub(r"\s+", " ", f"{told} | {sent[0]}")
    return ""
