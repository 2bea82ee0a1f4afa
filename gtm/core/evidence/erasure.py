"""Erasing personal text from the change log: what a row says goes, that there was one stays.

A row's payload stands behind a salted hash, so the chain holds without it. Salt and body go together, else
short texts could be guessed from the hash. That somebody erased, and why, is a row of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from django.db import transaction

from gtm.core import actors
from gtm.core.errors import GuardNotMet, InvalidInput, NotPermitted, Problem
from gtm.core.evidence import changelog
from gtm.core.models import ChangeLogChain, ChangeLogEntry, ChangeLogPayload

ERASED = changelog.ERASED
SEALED = changelog.SEALED
"""The event of a row with the digests of a document. It names nobody, and what it seals depends on it."""
LINKS = frozenset({"linked", "unlinked"})
"""Events whose rows tell which keys were linked, or not any more."""
TEXT_ERASED = "text erased"
"""The event of a row that tells an object anew after an erasure in its table. ``field`` names the columns,
``fields`` has what stands there, ``to.in_full`` says whether the rows before told every column."""
PERMISSION = "core.erase_payload"


def erase(chain: str, sequences: Collection[int], *, reason: str) -> int:
    """Erase what these rows of a chain say; answers how many still said something.

    Raises NotPermitted without the permission, GuardNotMet without a reason, InvalidInput naming every row
    that is not there, or that records an erasure (who erased stays on record) or a seal (it names nobody).
    """
    check_may_erase(reason)
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
        return blank(chain, entries, reason)


def check_may_erase(reason: str) -> None:
    """Raises NotPermitted without the permission, GuardNotMet without a reason."""
    actor = actors.current().actor
    if actor.is_system or not actor.user.has_perm(PERMISSION):
        raise NotPermitted("To erase from the change log, you need the permission to erase payloads.")
    if not reason.strip():
        raise GuardNotMet("Say why.", problems=[Problem("reason", "is required.", code="required")])


def blank(chain: str, entries: Collection[ChangeLogEntry], reason: str) -> int:
    """Take what these rows say, and write the row that names them. The caller holds the lock of the chain.

    Answers how many still said something.
    """
    speaking = ChangeLogPayload.objects.filter(entry__in=entries, body__isnull=False)
    rows = speaking.order_by("entry__sequence").values_list("entry__sequence", "entry__event", "body")
    told = {row: _kept(event, body) for row, event, body in rows}
    speaking.update(salt=None, body=None)
    if told:
        changelog.append(
            ChangeLogChain.objects.get(name=chain),
            ERASED,
            field="payload",
            before=[*told],
            after={str(row): kept for row, kept in told.items() if kept is not None},
            reason=reason.strip(),
        )
    return len(told)


def _kept(event: str, body: Mapping[str, Any] | None) -> Any:
    """What the row of an erasure keeps of one that it takes: the state it led to, or the keys it linked."""
    if not body:
        return None
    if event in LINKS and isinstance(body["to"], list):
        return {"field": body["field"], "keys": body["to"]}
    return body["to"] if body["field"] == "state" else None


def to_recall(chain: str, sequences: Collection[int]) -> list[ChangeLogEntry]:
    """The seals of documents that left the house with what these rows said, the first one first.

    A document has all rows up to its seal, and later ones that changed nothing in it: so the last seal before
    the first of the rows is among them. Files, downloads and reports bear the number of their seal. What left
    after the erasure of a row does not say it any more.
    """
    asked = ChangeLogEntry.objects.filter(chain=chain, sequence__in=sequences).order_by("sequence")
    first = asked.values_list("sequence", flat=True).first()
    if first is None:
        return []
    seals = ChangeLogEntry.objects.filter(chain=chain, event=SEALED).order_by("sequence")
    before = seals.filter(sequence__lt=first).last()
    ends = _erased_by(chain, set(sequences))
    after = seals.filter(sequence__gt=first)
    return [*([before] if before else []), *(after if ends is None else after.filter(sequence__lt=ends))]


def _erased_by(chain: str, sequences: set[int]) -> int | None:
    """The row of the erasure by which the last of these rows was erased; None while one still speaks."""
    records = ChangeLogEntry.objects.filter(chain=chain, event=ERASED).select_related("payload")
    for entry in records.order_by("sequence"):
        assert entry.payload.body is not None, f"an erasure in {chain} was erased itself"
        sequences = sequences - {int(row) for row in entry.payload.body["from"]}
        if not sequences:
            return int(entry.sequence)
    return None


def states_kept(chain: str) -> dict[int, str]:
    """Row → the state it led to, of rows that were erased: a state is nobody's personal text."""
    return {row: said for (_, row), said in _all_kept(entry__chain=chain) if isinstance(said, str)}


def links_kept() -> dict[tuple[str, int], dict[str, Any]]:
    """Chain and row → field and keys, of erased rows that told of links: keys name nobody."""
    return {place: said for place, said in _all_kept() if isinstance(said, dict)}


def _all_kept(**where: Any) -> Iterator[tuple[tuple[str, int], Any]]:
    """Of erasures that say something: one that is blank is told by its chain, and keeps nothing."""
    records = ChangeLogPayload.objects.filter(
        entry__event=ERASED, entry__entity=ChangeLogChain._meta.label_lower, **where
    )
    for chain, body in records.order_by("entry__pk").values_list("entry__chain", "body"):
        if body is not None:
            yield from (((chain, int(row)), said) for row, said in body["to"].items())
