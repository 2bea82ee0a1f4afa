"""Signed messages from outside: checked, kept as they came, loaded once by a profile. They decide nothing.

Taking a message and loading it are two steps: the sender has its answer as soon as the bytes are safe, and a
worker reads them, within the limits of every load.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.db.models import Q

from gtm.core import clock, encrypted
from gtm.core.actors import REST, Actor, acting_as
from gtm.core.errors import GtmError, InvalidInput, NotFound, Problem, Unsigned, WrongState
from gtm.core.later import later
from gtm.core.models import ChangeLogEntry
from plans.engine.webhooks import signing
from plans.models import IncomingSource, ReceivedMessage, ReceivedState
from plans.models.incoming import why_not_for
from programs.datasets import Source
from programs.models import Dataset
from programs.services import load_dataset

if TYPE_CHECKING:
    import standardwebhooks
else:
    standardwebhooks = later("standardwebhooks")

logger = logging.getLogger(__name__)

MOST_BYTES = 5 * 2**20
SUFFIXES = {
    "application/json": "json",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "text/csv": "csv",
}
"""Media types that are taken → the ending by which a load knows the form."""
MOST_ATTEMPTS = 3
LOST_AFTER = timedelta(minutes=35)
"""Longer than a task may run: the worker is gone."""
KEPT_FOR = timedelta(days=30)
MOST_A_PASS = 20


def take(name: str, headers: Mapping[str, str], media_type: str, raw: bytes) -> tuple[ReceivedMessage, bool]:
    """Keep a message whose signature holds; answers it, and whether it is new. The same id counts once.

    Raises NotFound, Unsigned (no, old or foreign signature), InvalidInput, WrongState (another body before).
    """
    source = IncomingSource.objects.filter(name=name, is_active=True).first()
    if source is None:
        raise NotFound("There is no such incoming webhook.")
    _check_signature(source, headers, raw)
    event_id, kind = headers["webhook-id"], media_type.partition(";")[0].strip().lower()
    problems = []
    if kind not in SUFFIXES:
        problems.append(Problem("content-type", f"“{kind}” is not taken.", tuple(SUFFIXES)))
    if len(event_id) > 200 or not event_id.isprintable():
        problems.append(Problem("webhook-id", "has at most 200 printable characters."))
    if problems:
        raise InvalidInput("The message was not taken.", problems=problems)
    digest = hashlib.sha256(raw).hexdigest()
    told = {"sha256": digest, "media_type": kind, "raw": raw}
    message, is_new = ReceivedMessage.objects.get_or_create(source=source, event_id=event_id, defaults=told)
    if message.sha256 != digest:
        raise WrongState("A message of this id had other bytes.", hint="Give every message an id of its own.")
    return message, is_new


def _check_signature(source: IncomingSource, headers: Mapping[str, str], raw: bytes) -> None:
    now = clock.now()
    why = "There is no secret yet."
    for row in source.secrets.filter(Q(ends_at=None) | Q(ends_at__gt=now)):
        try:
            secret = encrypted.decrypt(row.ciphertext, purpose=signing.PURPOSE)
            standardwebhooks.Webhook(secret).verify(raw, dict(headers), json_parse=False)
        except (standardwebhooks.WebhookVerificationError, encrypted.KeyGone) as error:
            why = f"{error}."
        except ValueError:  # no text, or a header that is not as the specification has it
            why = "The headers or the body cannot be read."
        else:
            return
    raise Unsigned(f"The signature does not hold. {why}", hint="Sign as Standard Webhooks says.")


def load_waiting() -> int:
    """Load what waits, the oldest first; answers how many were taken up. Safe for any number of workers."""
    now = clock.now()
    ReceivedMessage.objects.filter(state="loading", taken_at__lt=now - LOST_AFTER).update(state="waiting")
    ReceivedMessage.objects.filter(received_at__lt=now - KEPT_FOR, raw__isnull=False).exclude(
        state__in=["waiting", "loading"]
    ).update(raw=None)
    rows = ReceivedMessage.objects.filter(state="waiting").order_by("pk")
    taken = 0
    for pk in list(rows.values_list("pk", flat=True)[:MOST_A_PASS]):
        mine = ReceivedMessage.objects.filter(pk=pk, state="waiting")
        if mine.update(state=ReceivedState.LOADING.value, taken_at=clock.now()):
            taken += 1
            _load(ReceivedMessage.objects.select_related("source__profile__program").get(pk=pk))
    return taken


def _load(message: ReceivedMessage) -> None:
    """Load one in the name of its account. What is refused says why; a defect of ours is tried again."""
    source = message.source
    actor = Actor.of_user(source.account, REST, request_id=_trace(message))
    try:
        with acting_as(actor, f"message {message.event_id} of {source.name}"):
            dataset = _loaded_before(message) or _load_rows(message)
    except GtmError as error:
        _end(message, ReceivedState.REFUSED, why="\n".join(error.lines()))
    except Exception:  # noqa: BLE001 - the message stays; the log has the cause
        logger.exception("%s could not be loaded", message)
        attempts = message.attempts + 1
        is_last = attempts >= MOST_ATTEMPTS
        why = "Something went wrong on our side. The server's log shows the cause."
        state = ReceivedState.REFUSED if is_last else ReceivedState.WAITING
        _end(message, state, why=why, attempts=attempts)
    else:
        _end(message, ReceivedState.LOADED, dataset=dataset, why="")


def _load_rows(message: ReceivedMessage) -> Dataset:
    source, profile = message.source, message.source.profile
    if fault := why_not_for(source.account):
        raise InvalidInput("Nothing was loaded.", problems=[Problem("account", fault)])
    if not profile.is_active:
        problem = Problem("profile", "The load profile is switched off.")
        raise InvalidInput("Nothing was loaded.", problems=[problem])
    name = f"{source.name}-{message.pk}.{SUFFIXES[message.media_type]}"
    with tempfile.TemporaryDirectory(prefix="gtm-received-") as folder:
        path = Path(folder) / name
        path.write_bytes(bytes(message.raw or b""))
        dataset, _ = load_dataset(
            profile.kind,
            [Source(path, name=name)],
            program=profile.program,
            series=source.series,
            profile=profile.name,
        )
    return dataset


def _trace(message: ReceivedMessage) -> str:
    """The request id of what a message does, by which the change log is asked whether it was done."""
    return f"received-{message.pk}-{message.sha256[:16]}"


def _loaded_before(message: ReceivedMessage) -> Dataset | None:
    """What a worker made of the message that then died before it could say so."""
    label = Dataset._meta.label_lower
    row = ChangeLogEntry.objects.filter(request_id=_trace(message), entity=label).order_by("-pk").first()
    return Dataset.objects.filter(pk=row.entity_id).first() if row else None


def _end(message: ReceivedMessage, state: ReceivedState, **values: object) -> None:
    ReceivedMessage.objects.filter(pk=message.pk).update(state=state.value, **values)
