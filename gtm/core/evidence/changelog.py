"""The change log: append-only, hash-chained, written in the transaction of the change itself.

A row's ``hash`` is SHA-256 over the previous hash, the canonical header and the payload hash.
What may name a person sits in the payload, behind a salted hash, so that it can be erased
on request and the chain still holds.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from gtm.core import actors, canonical, clock, events
from gtm.core.models import ChangeLogChain, ChangeLogEntry, ChangeLogPayload

INSTALLATION = "installation"
GENESIS = "0" * 64
HEADER = ("chain", "sequence", "at", "via", "request_id", "entity", "entity_id", "event")
PAYLOAD = ("actor", "actor_id", "on_behalf_of", "object", "field", "from", "to", "reason")
FIELDS = "fields"
"""Part of a payload that tells more than one field; hashed where it is there."""


def payload_hash(salt: str, payload: Mapping[str, Any]) -> str:
    body = {key: payload[key] for key in PAYLOAD}
    if payload.get(FIELDS) is not None:
        body[FIELDS] = payload[FIELDS]
    return hashlib.sha256(salt.encode() + canonical.dumps(body)).hexdigest()


def entry_hash(previous: str, header: Mapping[str, Any], hashed_payload: str) -> str:
    """SHA-256(previous ‖ RFC 8785 header ‖ payload hash), hexadecimal."""
    body = canonical.dumps({key: header[key] for key in HEADER})
    return hashlib.sha256(previous.encode() + body + hashed_payload.encode()).hexdigest()


def lock_chain(name: str) -> ChangeLogChain:
    """Take the chain's row for the rest of the transaction.

    Whoever changes something in a chain takes this lock first and other rows after it:
    one order everywhere, so two transitions on one plan wait for each other and never deadlock.
    """
    chain = ChangeLogChain.objects.select_for_update().filter(name=name).first()
    if chain is None:
        ChangeLogChain.objects.get_or_create(name=name, defaults={"head": GENESIS})
        chain = ChangeLogChain.objects.select_for_update().get(name=name)
    return chain


def append(
    obj: Any,
    event: str,
    *,
    field: str = "",
    before: Any = None,
    after: Any = None,
    reason: str | None = None,
    fields: Mapping[str, Any] | None = None,
    chain: ChangeLogChain | None = None,
) -> ChangeLogEntry:
    """Write one row about ``obj`` to its chain, by whoever is acting. Must run inside a transaction.

    ``fields``: column → {"from", "to"} of everything written with the event, in the form of ``told``.
    ``chain`` is the chain's row where the caller holds its lock and nothing was appended to it since.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("the change log is written in the transaction of the change")
    acting = actors.current()
    chain = chain or lock_chain(obj.change_chain())
    header = {
        "chain": chain.name,
        "sequence": chain.sequence + 1,
        "at": canonical.rfc3339(clock.now()),
        "via": acting.actor.via,
        "request_id": acting.actor.request_id,
        "entity": obj._meta.label_lower,
        "entity_id": str(obj.pk),
        "event": event,
    }
    payload = {
        "actor": acting.actor.label,
        "actor_id": acting.actor.user_id,
        "on_behalf_of": acting.on_behalf_of,
        "object": obj.change_label(),
        "field": field,
        "from": canonical.plain(before),
        "to": canonical.plain(after),
        "reason": acting.reason if reason is None else reason,
        **({} if fields is None else {FIELDS: canonical.plain(fields)}),
    }
    salt = secrets.token_hex(16)
    hashed = payload_hash(salt, payload)
    entry = ChangeLogEntry.objects.create(
        **header,
        payload_hash=hashed,
        previous_hash=chain.head,
        hash=entry_hash(chain.head, header, hashed),
    )
    ChangeLogPayload.objects.create(entry=entry, salt=salt, body=payload)
    chain.sequence, chain.head, chain.grown_at = entry.sequence, entry.hash, clock.now()
    chain.save(update_fields=["sequence", "head", "grown_at"])
    events.publish(events.Recorded(obj, event, field, chain.name, entry.sequence))
    events.publish_on_commit(events.ChainGrew(chain.name))
    return entry


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain does not hold: the sequence number and a sentence."""

    chain: str
    sequence: int
    reason: str


def row_of(entry: ChangeLogEntry) -> dict[str, Any]:
    """The exported form of a row: what a reader sees plus what is needed to verify it offline."""
    payload = getattr(entry, "payload", None)
    header = {key: getattr(entry, key) for key in HEADER}
    erased = payload is not None and payload.body is None
    body = payload.body if payload is not None and not erased else dict.fromkeys(PAYLOAD)
    return {
        **header,
        **body,
        "salt": payload.salt if payload is not None else "",
        "erased": erased,
        "payload_hash": entry.payload_hash,
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
    }


def rows(chain: str) -> Iterable[dict[str, Any]]:
    entries = ChangeLogEntry.objects.filter(chain=chain).select_related("payload").order_by("sequence")
    return (row_of(entry) for entry in entries.iterator(chunk_size=2000))


def verify_rows(exported: Iterable[Mapping[str, Any]], chain: str) -> tuple[list[Break], str, int]:
    """Check exported rows: numbering, links, header hashes, payload hashes.

    Needs no database. Returns every break found, the head hash and the number of rows.
    """
    breaks: list[Break] = []
    previous, expected = GENESIS, 1
    for row in exported:
        try:
            previous, expected = _verify_row(row, previous, expected, chain, breaks)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            breaks.append(Break(chain, expected, f"the row cannot be read ({error!r})"))
            expected += 1
    return breaks, previous, expected - 1


def _verify_row(
    row: Mapping[str, Any], previous: str, expected: int, chain: str, breaks: list[Break]
) -> tuple[str, int]:
    sequence = int(row["sequence"])
    if sequence != expected:
        breaks.append(Break(chain, sequence, f"row {expected} should stand here, row {sequence} does"))
    if row["chain"] != chain:
        breaks.append(Break(chain, sequence, f"the row belongs to chain {row['chain']}"))
    if row["previous_hash"] != previous:
        breaks.append(Break(chain, sequence, "it does not link to the row before it"))
    if row.get("erased"):
        if row["salt"] is not None or any(row.get(key) is not None for key in (*PAYLOAD, FIELDS)):
            breaks.append(Break(chain, sequence, "it says it was erased, and still has content"))
    elif payload_hash(row["salt"], row) != row["payload_hash"]:
        breaks.append(Break(chain, sequence, "its content differs from what was hashed"))
    if entry_hash(row["previous_hash"], row, row["payload_hash"]) != row["hash"]:
        breaks.append(Break(chain, sequence, "its header differs from what was hashed"))
    return row["hash"], sequence + 1


def chains() -> list[str]:
    """Every chain there is, also one that has lost its head or its rows."""
    heads = ChangeLogChain.objects.values_list("name", flat=True)
    return sorted({*heads, *ChangeLogEntry.objects.order_by().values_list("chain", flat=True).distinct()})


def verify_chain(name: str) -> list[Break]:
    """Check one chain of the database, and that the stored head is its last row."""
    breaks, head, length = verify_rows(rows(name), name)
    chain = ChangeLogChain.objects.filter(name=name).first()
    if chain is None:
        return [*breaks, Break(name, length, "its head is gone")] if length else breaks
    if chain.sequence != length:
        breaks.append(Break(name, length, f"the chain holds {length} rows, its head says {chain.sequence}"))
    elif chain.head != head:
        breaks.append(Break(name, length, "the last row is not the one the head names"))
    return breaks
