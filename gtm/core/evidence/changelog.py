"""The change log: append-only, hash-chained, written in the transaction of the change itself.

A row's ``hash`` is SHA-256 over the previous hash, the canonical header and the payload hash.
What may name a person sits in the payload, behind a salted hash, so that it can be erased
on request and the chain still holds.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from django.db import transaction

from gtm.core import actors, canonical, clock, events, prepared
from gtm.core.models import ChangeLogChain, ChangeLogEntry, ChangeLogPayload

logger = logging.getLogger(__name__)

INSTALLATION = "installation"
GENESIS = "0" * 64
ERASED, SEALED = "erased", "sealed"
NEVER_ERASED = frozenset({ERASED, SEALED})
"""Events of rows that nobody may erase: who erased stays on record, and a seal names nobody."""
"""The event of the row that names erased rows: in ``from``, by their numbers."""
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


CHAIN_ENTITY = ChangeLogChain._meta.label_lower
_CHAIN_COLUMNS = prepared.attnames(ChangeLogChain)
_LOCKED = prepared.PreparedRead(
    lambda name: ChangeLogChain.objects.select_for_update().filter(name=name).order_by(), name="a chain"
)


def lock_chain(name: str) -> ChangeLogChain:
    """Take the chain's row for the rest of the transaction.

    Whoever changes something in a chain takes this lock first and other rows after it:
    one order everywhere, so two transitions on one plan wait for each other and never deadlock.
    """
    if held := _held.get().get(name):
        return held.chain
    if rows := _LOCKED.rows(name=name):
        return ChangeLogChain.from_db(transaction.get_connection().alias, _CHAIN_COLUMNS, rows[0])
    ChangeLogChain.objects.get_or_create(name=name, defaults={"head": GENESIS})
    return ChangeLogChain.objects.select_for_update().get(name=name)


class _Row:
    """A row that is told and not yet written. It waits among the transaction's calls on commit.

    There a savepoint that is rolled back takes it away, with everything else that was done since.
    """

    __slots__ = ("header", "is_written", "payload", "salt")

    def __init__(self, header: dict[str, Any], payload: dict[str, Any]):
        self.header, self.payload, self.salt = header, payload, secrets.token_hex(16)
        self.is_written = False

    def __call__(self) -> None:
        if not self.is_written:
            logger.error("row %s of %s was not written", self.header["sequence"], self.header["chain"])


class _HeldChain:
    """A chain whose lock this transaction has, and the rows that wait to be written to it."""

    def __init__(self, chain: ChangeLogChain):
        self.chain, self._connection = chain, transaction.get_connection()
        self._calls = self._connection.run_on_commit
        self._waiting: list[_Row] = []

    def add(self, header: dict[str, Any], payload: dict[str, Any]) -> ChangeLogEntry:
        waiting = self._still_waiting()
        header["sequence"] = self.chain.sequence + len(waiting) + 1
        row = _Row(header, payload)
        transaction.on_commit(row)
        waiting.append(row)
        return ChangeLogEntry(**header)

    def write(self) -> None:
        """Chain and write what waits: one statement for the rows, one for what they say, one for the head."""
        waiting, chain = self._still_waiting(), self.chain
        if not waiting:
            return
        entries = []
        for row in waiting:
            hashed = payload_hash(row.salt, row.payload)
            own = entry_hash(chain.head, row.header, hashed)
            entry = ChangeLogEntry(**row.header, payload_hash=hashed, previous_hash=chain.head, hash=own)
            entries.append(entry)
            chain.sequence, chain.head, row.is_written = entry.sequence, own, True
        prepared.insert(entries)
        prepared.insert(
            [
                ChangeLogPayload(entry=entry, salt=row.salt, body=row.payload)
                for entry, row in zip(entries, waiting, strict=True)
            ]
        )
        chain.grown_at = clock.now()
        grown = {"sequence": chain.sequence, "head": chain.head, "grown_at": chain.grown_at}
        prepared.update(ChangeLogChain, {"name": chain.name}, grown)
        self._waiting = []

    def _still_waiting(self) -> list[_Row]:
        """What no savepoint has undone: Django makes a new list of calls when it rolls one back."""
        calls = self._connection.run_on_commit
        if calls is not self._calls:
            self._calls = calls
            left = {id(call) for _, call, _ in calls}
            self._waiting = [row for row in self._waiting if id(row) in left]
        return self._waiting


_held: ContextVar[Mapping[str, _HeldChain]] = ContextVar("held_chains", default=MappingProxyType({}))


@contextmanager
def holding(name: str, *, savepoint: bool = False) -> Iterator[None]:
    """One transaction on a chain: its lock is taken once, and its rows are written together at the end.

    Inside another such block of the same chain this one joins it, and opens a savepoint only where asked.
    What reads the log inside the block does not see its rows yet.
    """
    held = _held.get()
    if name in held:
        with transaction.atomic(savepoint=savepoint):
            yield
        return
    with transaction.atomic():
        mine = _HeldChain(lock_chain(name))
        token = _held.set({**held, name: mine})
        try:
            yield
        finally:
            _held.reset(token)
        mine.write()


def length_of_held(name: str) -> int | None:
    """How many rows a chain has without those that wait; None where this transaction does not hold it."""
    held = _held.get().get(name)
    return held.chain.sequence if held else None


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
    Where the chain is held (``holding``) the row is written with the others at the end of that block, and the
    answer has no hash yet. ``chain`` is the chain's row where the caller holds its lock and nothing was
    appended to it since.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("the change log is written in the transaction of the change")
    acting = actors.current()
    name = obj.change_chain()
    held = _held.get().get(name)
    chain = chain or lock_chain(name)
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
    if held is not None:
        entry = held.add(header, payload)
        said = payload["from"], payload["to"]
        events.publish(events.Recorded(obj, event, field, name, entry.sequence, *said))
        return entry
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
    said = payload["from"], payload["to"]
    events.publish(events.Recorded(obj, event, field, chain.name, entry.sequence, *said))
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


class Erasures:
    """Which of the rows that pass by are erased, and which of them a row of an erasure names.

    Blanking a row leaves every hash as it is, so only such a row tells an erasure from a deletion. Putting
    the words of an older copy back leaves them, too.
    """

    def __init__(self) -> None:
        self._blank: set[int] = set()
        self._unnamed: dict[int, None] = {}
        self._never: list[int] = []
        self._put_back: list[tuple[int, int]] = []

    def watch(self, exported: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        for row in exported:
            if isinstance(row, Mapping):
                self._note(row)
            yield row

    def _note(self, row: Mapping[str, Any]) -> None:
        if row.get("erased"):
            self._blank.add(row["sequence"])
            self._unnamed[row["sequence"]] = None
            if row.get("event") in NEVER_ERASED:
                self._never.append(row["sequence"])
        elif is_erasure(row):
            named = row.get("from")
            for number in named if isinstance(named, list) else ():
                self._unnamed.pop(number, None)
                if number not in self._blank:
                    self._put_back.append((number, row["sequence"]))

    def breaks(self, chain: str) -> list[Break]:
        """Each erased row that no later row names, each that nobody may erase, each that speaks again."""
        found = [(number, "it is erased, but no row records its erasure") for number in self._unnamed]
        found += [(number, "it is a seal or an erasure, which nobody may erase") for number in self._never]
        found += [(number, f"row {by} says it was erased, and it is not") for number, by in self._put_back]
        return [Break(chain, number, reason) for number, reason in found]


def states_kept(exported: Iterable[Mapping[str, Any]]) -> dict[int, str]:
    """Row → the state it led to, of rows that were erased: the row of the erasure keeps it."""
    kept: dict[int, str] = {}
    for row in exported:
        if is_erasure(row) and isinstance(row["to"], Mapping):
            kept |= {int(number): said for number, said in row["to"].items() if isinstance(said, str)}
    return kept


def erased_on_record(exported: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """For each erasure: which rows say nothing any more, and who says that they were erased, why and when."""
    for row in filter(is_erasure, exported):
        numbers = ", ".join(map(str, row["from"]))
        by = f"{row['actor']} erased them on {row['at'][:10]} (row {row['sequence']}): {row['reason']}"
        yield f"what rows {numbers} of the change log said", by


def is_erasure(row: Mapping[str, Any]) -> bool:
    return (row.get("event"), row.get("entity"), bool(row.get("erased"))) == (ERASED, CHAIN_ENTITY, False)


def _verify_row(
    row: Mapping[str, Any], previous: str, expected: int, chain: str, breaks: list[Break]
) -> tuple[str, int]:
    sequence = int(row["sequence"])
    if sequence != expected:
        breaks.append(Break(chain, sequence, f"row {expected} should be here, but row {sequence} is"))
    if row["chain"] != chain:
        breaks.append(Break(chain, sequence, f"the row belongs to chain {row['chain']}"))
    if row["previous_hash"] != previous:
        breaks.append(Break(chain, sequence, "it does not link to the row before it"))
    if row.get("erased"):
        if row["salt"] is not None or any(row.get(key) is not None for key in (*PAYLOAD, FIELDS)):
            breaks.append(Break(chain, sequence, "it is marked as erased, but still has content"))
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
    erasures = Erasures()
    breaks, head, length = verify_rows(erasures.watch(rows(name)), name)
    breaks += erasures.breaks(name)
    chain = ChangeLogChain.objects.filter(name=name).first()
    if chain is None:
        return [*breaks, Break(name, length, "its head is missing")] if length else breaks
    if chain.sequence != length:
        breaks.append(
            Break(name, length, (f"the chain holds {length} rows, but its head says {chain.sequence}"))
        )
    elif chain.head != head:
        breaks.append(Break(name, length, "the last row is not the one that the head names"))
    return breaks
