"""The installation's signing keys: private ones from the environment or a file, public ones in the database.

The first key signs under the name of the installation; those after it are being replaced and sign beside it,
so that who has an old key still recognises a checkpoint. That a key was made, replaced or retired is a row.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction

from gtm.core import canonical, clock
from gtm.core.errors import GuardNotMet, InvalidInput, Problem
from gtm.core.evidence import changelog, notes
from gtm.core.evidence.notes import NoteKey, PrivateKey
from gtm.core.models import ChangeLogEntry, SigningKey

SAME_ACT = timedelta(minutes=1)
"""A key and its row are written in one transaction, each with its own look at the clock."""


def path() -> Path:
    return Path(settings.GTM_KEYS_DIR) / "signing.keys"


def signing() -> list[PrivateKey]:
    """The private keys, the one of today first; none where this installation has none yet.

    Raises InvalidInput where a key cannot be read or where others than its owner may read the file.
    """
    if settings.GTM_SIGNING_KEYS:
        return _read(settings.GTM_SIGNING_KEYS, "GTM_SIGNING_KEYS")
    target = path()
    if not target.is_file():
        return []
    if stat.S_IMODE(target.stat().st_mode) & 0o077:
        told = f"{target} can be read by others than its owner: take their rights away (chmod 600)."
        raise InvalidInput("The signing keys cannot be used.", problems=[Problem("keys", told)])
    return _read(target.read_text(encoding="utf-8").split(), str(target))


def published() -> list[NoteKey]:
    """Every public key that this installation ever signed with, the newest first."""
    return [notes.read_key(text) for text in SigningKey.objects.values_list("text", flat=True)]


def unexplained() -> Iterator[changelog.Break]:
    """Published keys that differ from the rows that made and retired them, or that are gone."""
    log = ChangeLogEntry.objects.filter(entity=SigningKey._meta.label_lower).order_by("pk")
    rows: dict[tuple[str, str], ChangeLogEntry] = {(row.entity_id, row.event): row for row in log}
    there = {str(key.pk): key for key in SigningKey.objects.all()}
    for pk, key in there.items():
        for event, moment in (("created", key.made_at), ("retired", key.retired_at)):
            row = rows.pop((pk, event), None)
            if (row is None) != (moment is None) or row and _apart(row.at, moment) > SAME_ACT:
                sentence = f"{key.change_label()}: that it was {event} is not what the log says"
                yield changelog.Break(key.change_chain(), row.sequence if row else 0, sentence)
            elif row and event == "created" and _told_text(row) not in (None, key.text):
                sentence = f"{key.change_label()} is another key than the one in this row"
                yield changelog.Break(key.change_chain(), row.sequence, sentence)
    for row in rows.values():
        if row.entity_id not in there:
            sentence = f"the signing key that was {row.event} here is not published any more"
            yield changelog.Break(row.chain, row.sequence, sentence)


def _told_text(row: ChangeLogEntry) -> str | None:
    body = row.payload.body
    return body["to"] if body else None


def _apart(at: str, moment: datetime | None) -> timedelta:
    return abs(datetime.fromisoformat(at) - moment) if moment else timedelta(0)


def make(name: str) -> NoteKey:
    """The first key of the installation; the one that is there where it has one."""
    if there := signing():
        _publish(there)
        return there[0].public
    return _add(notes.new_key(name), [])


def rotate() -> NoteKey:
    """A new key under the same name. The one before signs beside it until ``retire``."""
    there = signing()
    if not there:
        raise GuardNotMet("There is no key yet.", hint="Make one under Settings, Establish.")
    return _add(notes.new_key(there[0].name), there)


def retire() -> int:
    """Only the key of today signs from now on. Answers how many were retired.

    Keys of the environment are ended there: those that it does not have any more are retired.
    """
    there = signing()
    kept = there if settings.GTM_SIGNING_KEYS else there[:1]
    if not kept:
        return 0
    with transaction.atomic():
        _publish(there)
        ended = SigningKey.objects.filter(retired_at=None).exclude(text__in=[str(k.public) for k in kept])
        for row in (rows := list(ended)):
            row.retired_at = clock.now()
            row.save()
            changelog.append(row, "retired")
        if kept != there:
            _write(kept)
    return len(rows)


def as_line(row: SigningKey) -> str:
    """A published key with its dates, as ``--key`` reads it from a file."""
    until = f" {notes.UNTIL} {canonical.rfc3339(row.retired_at)}" if row.retired_at else ""
    return f"{row.text} since {canonical.rfc3339(row.made_at)}{until}"


def _add(made: PrivateKey, there: Sequence[PrivateKey]) -> NoteKey:
    if settings.GTM_SIGNING_KEYS:
        raise GuardNotMet(
            "The keys of this installation come from its environment.",
            hint="Put the new key before the others in GTM_SIGNING_KEYS.",
        )
    with transaction.atomic():
        _write([made, *there])
        _publish([made, *there])
    return made.public


def _publish(there: Sequence[PrivateKey]) -> None:
    """Public keys into the database, each with a row of the installation's log."""
    for key in reversed(there):
        row, is_new = SigningKey.objects.get_or_create(text=str(key.public))
        if is_new:
            changelog.append(row, "created", field="key", after=row.text)


def _read(texts: Sequence[str], where: str) -> list[PrivateKey]:
    try:
        return [notes.read_private_key(text) for text in texts]
    except notes.NoteError as error:
        problem = Problem("keys", f"{where}: {error}.")
        raise InvalidInput("The signing keys cannot be used.", problems=[problem]) from error


def _write(keys: Sequence[PrivateKey]) -> None:
    """Whole or not at all, and never readable by others."""
    target = path()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = target.with_suffix(".new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(f"{key.secret_text}\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, target)
