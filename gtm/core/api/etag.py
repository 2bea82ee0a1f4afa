"""Strong ETags and the conditions on them (RFC 9110, 13.1)."""

from __future__ import annotations

import hashlib
from typing import Any

from django.utils.http import parse_etags, quote_etag
from drf_spectacular.utils import OpenApiParameter
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from gtm.core.errors import GtmError

IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The ETag of the object as you read it"
)


class PreconditionRequired(GtmError):
    code = "precondition_required"
    status = 428
    title = "Say which version you are changing"


class PreconditionFailed(GtmError):
    code = "stale_version"
    status = 412
    title = "The object has changed since you read it"


def of_bytes(raw: bytes) -> str:
    return quote_etag(hashlib.sha256(raw).hexdigest()[:32])


def of_body(data: Any) -> str:
    """The ETag of a representation: it changes exactly when what the caller would read changes.

    A version number would miss what is shown of related objects: votes, attempts, progress.
    """
    return of_bytes(JSONRenderer().render(data))


def not_modified(request: Request, etag: str) -> bool:
    given = request.headers.get("If-None-Match", "")
    return bool(given) and (given.strip() == "*" or etag in parse_etags(given))


def check_match(request: Request, etag: str, *, required: bool) -> None:
    """Refuse a change to something the caller has not seen in its present form."""
    given = request.headers.get("If-Match", "").strip()
    if not given:
        if required:
            raise PreconditionRequired(
                "This change needs an If-Match header with the ETag of the object as you read it."
            )
        return
    if given != "*" and etag not in parse_etags(given):
        raise PreconditionFailed(
            "Somebody changed the object in the meantime. Nothing was written.",
            hint="GET the object again, and repeat your change with the new ETag.",
            etag=etag,
        )
