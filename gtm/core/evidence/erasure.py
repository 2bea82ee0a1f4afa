"""Erasing personal text from the change log: what a row says goes, that there was one stays.

A row's payload stands behind a salted hash, so the chain holds without it. Salt and body go together, else
short texts could be guessed from the hash. That somebody erased, and why, is a row of its own.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from gtm.core import actors
from gtm.core.errors import GuardNotMet, InvalidInput, NotPermitted, Problem
from gtm.core.evidence import changelog
from gtm.core.models import ChangeLogChain, ChangeLogEntry, ChangeLogPayload

ERASED = changelog.ERASED
SEALED = "sealed"
"""The event of a row with the digests of a document. It names nobody, and what it seals depends on it."""
PERMISSION = "core.erase_payload"


def erase(chain: str, sequences: Collection[int], *, reason: str) -> int:
    """Erase what these rows of a chain say; answers how many still said something.

    Raises NotPermitted without the permission, GuardNotMet without a reason, InvalidInput naming every row
    that is not there, or that records an erasure (who erased stays on record) or a seal (it names nobody).
    """
    actor = actors.current().actor
    if actor.is_system or not actor.user.has_perm(PERMISSION):
        raise NotPermitted("To erase from the change log, you need the permission to erase payloads.")
    if not reason.strip():
        raise GuardNotMet("Say why.", problems=[Problem("reason", "is required.", code="required")])
    with transaction.atomic():
        changelog.lock_chain(chain)
        entries = list(ChangeLogEntry.objects.filter(chain=chain, sequence__in=sequences))
        missing = sorted(set(sequences) - {entry.sequence for entry in entries})
        problems = [Problem("sequence", f"{chain} has no row {number}.") for number in missing]
        problems += [
            Problem("sequence", f"row {entry.sequence} records an erasure and cannot be erased.")
            for entry in entries
            if entry.event == ERASED
        ]
        problems += [
            Problem("sequence", f"row {entry.sequence} is a seal: it names nobody and cannot be erased.")
            for entry in entries
            if entry.event == SEALED
        ]
        if problems:
            raise InvalidInput("Nothing was erased.", problems=problems)
        speaking = ChangeLogPayload.objects.filter(entry__in=entries, body__isnull=False)
        told = dict(speaking.order_by("entry__sequence").values_list("entry__sequence", "body"))
        speaking.update(salt=None, body=None)
        if told:
            states = {str(row): body["to"] for row, body in told.items() if body and body["field"] == "state"}
            changelog.append(
                ChangeLogChain.objects.get(name=chain),
                ERASED,
                field="payload",
                before=[*told],
                after=states,
                reason=reason.strip(),
            )
    return len(told)


def states_kept(chain: str) -> dict[int, str]:
    """Row → the state it led to, of rows that were erased: a state is nobody's personal text."""
    records = ChangeLogPayload.objects.filter(
        entry__chain=chain, entry__event=ERASED, entry__entity=ChangeLogChain._meta.label_lower
    )
    kept: dict[int, str] = {}
    for body in records.values_list("body", flat=True):
        assert body is not None, f"an erasure in {chain} was erased itself, which erase() refuses"
        kept |= {int(row): state for row, state in body["to"].items()}
    return kept
