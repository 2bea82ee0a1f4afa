"""``Idempotency-Key``: a POST that is sent again is not done again. The answer of the first one comes back.

A key belongs to an account and to one request. It is claimed before anything is done, and given back where
the request is refused: what was refused may be put right and sent with the same key. An answer is kept for a
day.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from gtm.core.errors import InvalidInput, KeyInUse, KeyReused, Problem
from gtm.core.kept_answer import KeptAnswer, drop_old

HEADER, REPLAYED = "Idempotency-Key", "Idempotent-Replayed"
LONGEST = 80
SHOWN_ONCE = frozenset({"secret", "token"})
"""An answer with one of these is not kept: the secret would stand in our database."""
SENT_ALONG = ("Location", "ETag")


class Replayed(Exception):
    """Ends a request whose answer is known."""

    def __init__(self, response: Response):
        self.response = response


def key_of(request: Request) -> str:
    """The key of a request; empty where it has none. Raises InvalidInput for one that is too long."""
    given = str(request.headers.get(HEADER, "")).strip()
    if len(given) > LONGEST:
        problem = Problem(HEADER, f"at most {LONGEST} characters, these are {len(given)}.")
        raise InvalidInput("The key is too long.", problems=[problem])
    return given


def claim(request: Request) -> KeptAnswer | None:
    """The key of this POST, now taken; None where it has none.

    Raises Replayed with the answer of the first request, KeyReused where that was another request, KeyInUse
    where it has not ended, or its answer had a secret, which is shown once.
    """
    key = key_of(request) if request.method == "POST" and request.user.is_authenticated else ""
    if not key:
        return None
    drop_old()
    asked = _digest(request)
    try:
        with transaction.atomic():
            return KeptAnswer.objects.create(user=request.user, key=key, request_sha256=asked)
    except IntegrityError:
        first = KeptAnswer.objects.filter(user=request.user, key=key).first()
    if first is None:
        raise KeyInUse("The first request with this key ended a moment ago. Send it again.")
    raise _answered(first, asked)


def settle(kept: KeptAnswer, response: Response) -> None:
    """Keep the answer of what was done; give the key back where it was refused."""
    if not 200 <= response.status_code < 300:
        kept.delete()
        return
    kept.status = response.status_code
    kept.headers = {name: response[name] for name in SENT_ALONG if name in response}
    kept.media_type = response.content_type or ""
    body = getattr(response, "data", None)
    if not (isinstance(body, dict) and SHOWN_ONCE & body.keys()):
        kept.body = json.loads(JSONRenderer().render(body))
    kept.save()


def _answered(first: KeptAnswer, asked: str) -> Exception:
    if first.request_sha256 != asked:
        return KeyReused("The key came with another request before. Nothing was done now.")
    if first.status is None:
        return KeyInUse(
            "The first request with this key has not ended, or was cut off. Nothing was done now.",
            hint="Look whether it was done before you send it with another key.",
        )
    if first.body is None:
        return KeyInUse("This was done before. Its answer has a secret, which is shown once.")
    headers = {**first.headers, REPLAYED: "true"}
    kind = first.media_type or None
    return Replayed(Response(first.body, status=first.status, headers=headers, content_type=kind))


def _digest(request: Request) -> str:
    """Of method, address and body, with the bytes of its files."""
    told = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    for part in _parts(request):
        told.update(part)
    return told.hexdigest()


def _parts(request: Request) -> Iterable[bytes]:
    try:
        body: Any = request.data
    except exceptions.APIException:
        return  # it cannot be read, and the view says so
    if not hasattr(body, "lists"):
        yield json.dumps(body, sort_keys=True, default=str).encode()
        return
    for name, values in sorted(body.lists()):
        for value in values:
            yield f"\n{name}=".encode()
            if not isinstance(value, UploadedFile):
                yield str(value).encode()
                continue
            yield str(value.name).encode()
            yield from value.chunks()
            value.seek(0)
