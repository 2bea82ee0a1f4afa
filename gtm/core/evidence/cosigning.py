"""Our checkpoints before the witnesses that are configured, by C2SP tlog-witness over HTTP.

A witness is sent the newest checkpoint with the proof that it continues the last one that it signed. It
answers with its line, or with how much it saw. Any witness of the public network can be one.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.conf import settings

from gtm.core.errors import GtmError, InvalidInput, Problem
from gtm.core.evidence import checkpoints, notes
from gtm.core.evidence.notes import NoteKey
from gtm.core.evidence.witness import ADD_CHECKPOINT, CONFLICT, OK, TREE_SIZE
from gtm.core.models import Checkpoint
from gtm.core.places import outside

logger = logging.getLogger(__name__)

SECONDS = 20.0
MOST_BYTES = 64 * 1024
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class WitnessPlace:
    """A witness: its public key, and where it is asked."""

    key: NoteKey
    url: str


@dataclass(frozen=True, slots=True)
class AskedWitness:
    """What came of asking one witness: ``refusal`` is empty where it signed or had signed already."""

    witness: str
    refusal: str = ""


def configured() -> list[WitnessPlace]:
    """The witnesses of ``GTM_WITNESSES``, each "KEY URL". Raises InvalidInput for one that cannot be read."""
    found = []
    for text in settings.GTM_WITNESSES:
        words = text.split()
        try:
            key, url = words
            found.append(WitnessPlace(notes.read_key(key), url.rstrip("/")))
        except ValueError as error:
            told = f"“{text}” is not a public key, a space and an address: {error}."
            raise InvalidInput(
                "A witness cannot be asked.", problems=[Problem("GTM_WITNESSES", told)]
            ) from error
    return found


def submit() -> list[AskedWitness]:
    """Ask every witness that has not signed the newest checkpoint. One that fails keeps no other back."""
    made = checkpoints.newest()
    if made is None:
        return []
    asked = []
    for place in configured():
        if _has_signed(made, place.key):
            asked.append(AskedWitness(place.key.name))
            continue
        try:
            _ask(place)
            asked.append(AskedWitness(place.key.name))
        except (GtmError, outside.NotAllowed, outside.Unreachable, ValueError) as error:
            logger.warning("the witness %s did not sign: %s", place.key.name, error)
            asked.append(AskedWitness(place.key.name, str(error)))
    return asked


def _ask(place: WitnessPlace) -> None:
    """Raises what the witness or the way there is at fault with."""
    seen = _seen_by(place.key)
    for _ in range(2):
        request = checkpoints.request(seen)
        reply = outside.post(
            f"{place.url}/{ADD_CHECKPOINT}",
            request.encode(),
            TEXT,
            settings.GTM_PRIVATE_EVIDENCE_HOSTS,
            most=MOST_BYTES,
            seconds=SECONDS,
        )
        if (reply.status, reply.media_type) != (CONFLICT, TREE_SIZE):
            break
        told = reply.body.decode("ascii").strip()
        if not told.isdecimal() or int(told) == seen:
            raise InvalidInput(f"It says that it saw {told[:40]!r} leaves, which leads nowhere.")
        seen = int(told)
    if reply.status != OK:
        raise InvalidInput(
            f"It answers {reply.status}: {reply.body.decode('utf-8', 'replace')[:300].strip()}"
        )
    checkpoints.add_cosignatures(reply.body.decode("utf-8"), [place.key], request.partition("\n\n")[2])


def _seen_by(key: NoteKey) -> int:
    """How many leaves had the newest checkpoint that it signed."""
    mark = f"{notes.DASH}{key.name} "
    for made in Checkpoint.objects.filter(note__contains=mark).order_by("-pk")[:20]:
        if _has_signed(made, key):
            return made.size
    return 0


def _has_signed(made: Checkpoint, key: NoteKey) -> bool:
    """A line that names the witness and is none of its signatures counts as none."""
    try:
        return bool(notes.signed_by(made.note, [key]))
    except notes.NoteError:
        return False
